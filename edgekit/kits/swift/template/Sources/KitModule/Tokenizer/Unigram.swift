/// The path of tokens with the best sum of scores; of equal ones the first found (Viterbi).
struct Unigram: Sendable {
    private let vocabulary: Vocabulary
    private let scores: [Double]
    private let bytes: [Int32?]
    private let unknown: Int32
    private let fallsBack: Bool // to tokens of single bytes
    private let unknownScore: Double

    init(_ vocabulary: Vocabulary, scores: [Double], unknown: Int32, fallsBack: Bool, least: Double) {
        self.vocabulary = vocabulary
        self.scores = scores
        self.unknown = unknown
        self.fallsBack = fallsBack
        bytes = fallsBack ? vocabulary.byteTokens() : []
        unknownScore = least - 10
    }

    private struct Node {
        var score = 0.0
        var start = -1 // of the token that ends here
        var token: Int32
    }

    func tokens(_ units: [Unit]) -> [Token] {
        let text = Spelling(units)
        var made: [Token] = []
        for part in parts(best(units, text)) {
            let spelled = text[part], end = units[part.upperBound - 1].end
            if let id = vocabulary.id(text.bytes, spelled) {
                made.append(Token(id: id, end: end))
                continue
            }
            let ids = fallsBack ? text.bytes[spelled].compactMap { bytes[Int($0)] } : []
            if ids.count == spelled.count {
                made += ids.map { Token(id: $0, end: end) }
            } else {
                made.append(Token(id: unknown, end: end))
            }
        }
        return made
    }

    /// For every place of the text the best token that ends there.
    private func best(_ units: [Unit], _ text: Spelling) -> [Node] {
        var nodes = [Node](repeating: Node(token: unknown), count: units.count + 1)
        func offer(_ start: Int, _ end: Int, _ score: Double, _ token: Int32) {
            let sum = nodes[start].score + score
            if nodes[end].start < 0 || sum > nodes[end].score {
                nodes[end] = Node(score: sum, start: start, token: token)
            }
        }
        for start in units.indices {
            var isToken = false // this code point alone
            for end in stride(from: start + 1, through: min(start + vocabulary.longest, units.count), by: 1) {
                guard let token = vocabulary.id(text.bytes, text[start..<end]) else { continue }
                offer(start, end, scores[Int(token)], token)
                if end == start + 1 { isToken = true }
            }
            if !isToken { offer(start, start + 1, unknownScore, unknown) }
        }
        return nodes
    }

    /// The tokens on the best path, as parts of the text; neighbouring unknown ones are one part.
    private func parts(_ nodes: [Node]) -> [Range<Int>] {
        var made: [(isUnknown: Bool, part: Range<Int>)] = []
        var end = nodes.count - 1
        while end > 0 {
            let node = nodes[end]
            let isUnknown = node.token == unknown
            if isUnknown, let last = made.last, last.isUnknown {
                made[made.count - 1].part = node.start..<last.part.upperBound
            } else {
                made.append((isUnknown, node.start..<end))
            }
            end = node.start
        }
        return made.reversed().map(\.part)
    }
}
