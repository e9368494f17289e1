extension Tokenizer {
    /// - Parameter file: the bytes of a table, by its name; the package's own unless given.
    static func load(_ file: (String) throws -> [UInt8] = KitFiles.bytes) throws -> Tokenizer {
        let lines = try file("tokenizer.txt").split(separator: 10)
        return try Tokenizer(lines.map { TableLine($0) }, file: file)
    }

    private init(_ lines: [TableLine], file: (String) throws -> [UInt8]) throws {
        var phases = [Phase(), Phase()] // before normalized tokens are looked for, and after
        var phase = 0
        var model: Model?
        var templates: [String: [Item]] = [:]
        var limit: Limit?
        var matcher = PendingMatcher()
        var classes = Runs(), shapes = Runs()
        var several: [[UInt32]: [UInt32]] = [:]
        for line in lines {
            if matcher.take(line) { continue }
            if let step = matcher.finished() { phases[phase].steps.append(step) }
            switch line.word {
            case "map": phases[phase].steps.append(.map(CodeMap(line.numbers())))
            case "order":
                classes = Runs(line.numbers())
                phases[phase].steps.append(.order(classes))
            case "compose": phases[phase].steps.append(.compose(Compositions(line.numbers()), classes))
            case "graphemes": shapes = Runs(line.numbers())
            case "clusters": several = Charsmap.keys(line.numbers())
            case "precompiled":
                let map = Charsmap(shapes: shapes, several: several, one: CodeMap(line.numbers()))
                phases[phase].steps.append(.precompiled(map))
            case "strip":
                let numbers = line.numbers()
                let spaces = Runs(Array(numbers[2...]))
                phases[phase].steps.append(.strip(left: numbers[0] == 1, right: numbers[1] == 1, spaces))
            case "prepend":
                guard let when = Step.When(rawValue: line.rest[1]) else { throw line.unknown }
                phases[phase].steps.append(.prepend(try line.codes(0), when))
            case "replace", "split": matcher.begin(line)
            case "bytes": phases[phase].steps.append(.bytes(line.numbers().map { UInt32($0) }))
            case "pieces": phase = 1
            case "added":
                let numbers = line.rest.prefix(5).compactMap { Int($0) }
                phases[numbers[1]].added.add(AddedToken(
                    id: Int32(numbers[0]), singleWord: numbers[2] == 1, takesLeft: numbers[3] == 1,
                    takesRight: numbers[4] == 1, codes: try line.codes(5)))
            case "words":
                let words = Runs(line.numbers())
                for i in phases.indices { phases[i].added.words = words }
            case "spaces":
                let spaces = Runs(line.numbers())
                for i in phases.indices { phases[i].added.spaces = spaces }
            case "single", "pair": templates[line.word] = Item.all(line.numbers())
            case "limit":
                let numbers = line.numbers()
                limit = Limit(tokens: numbers[0], strategy: numbers[1], fromLeft: numbers[2] == 1)
            case "model": model = try Model(line, file: file)
            case "format":
                guard line.rest == ["1"] else { throw line.unknown }
            case "sha256", "pad": continue
            default: throw line.unknown
            }
        }
        if let step = matcher.finished() { phases[phase].steps.append(step) }
        guard let model, let single = templates["single"], let pair = templates["pair"] else {
            throw KitError.damagedFile("tokenizer.txt")
        }
        self.init(phases: phases, model: model, single: single, pair: pair, limit: limit)
    }
}

/// One line of tokenizer.txt: a word, and what it says.
struct TableLine {
    let word: String
    private let content: ArraySlice<UInt8>

    init(_ line: ArraySlice<UInt8>) {
        let end = line.firstIndex(of: 32) ?? line.endIndex
        word = String(decoding: line[..<end], as: UTF8.self)
        content = line[end...].dropFirst()
    }

    var rest: [String] {
        content.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
    }

    var unknown: KitError {
        .damagedFile("tokenizer.txt (line \(word) \(rest.prefix(3).joined(separator: " ")))")
    }

    func numbers() -> [Int] {
        var made: [Int] = []
        var reader = NumberReader(content)
        while let number = reader.next() { made.append(number) }
        return made
    }

    /// A text that is written as UTF-8 hex, "-" if it is empty.
    func codes(_ place: Int) throws -> [UInt32] {
        try codeUnits(place).map(\.value)
    }

    func bytes(_ place: Int) throws -> [UInt8] {
        Array(String(String.UnicodeScalarView(try codeUnits(place))).utf8)
    }

    private func codeUnits(_ place: Int) throws -> [Unicode.Scalar] {
        guard rest.indices.contains(place) else { throw unknown }
        if rest[place] == "-" { return [] }
        guard let text = unhex(rest[place]) else { throw unknown }
        return Array(text.unicodeScalars)
    }
}

/// A step with a pattern, whose lines follow its own.
private struct PendingMatcher {
    private var line: TableLine?
    private var matcher = Matcher()

    mutating func begin(_ line: TableLine) {
        self.line = line
        matcher = Matcher()
    }

    /// Whether a line was part of the pattern.
    mutating func take(_ part: TableLine) -> Bool {
        guard line != nil else { return false }
        switch part.word {
        case "class": matcher.classes = Runs(part.numbers())
        case "set": matcher.addSet(part.numbers())
        case "program": matcher.code = part.numbers()
        default: return false
        }
        return true
    }

    /// The step, once its last line is read.
    mutating func finished() -> Step? {
        guard let line else { return nil }
        self.line = nil
        if line.word == "split" { return .split(matcher, line.numbers()[0]) }
        return (try? line.codes(0)).map { .replace(matcher, $0) }
    }
}

extension Tokenizer.Item {
    static func all(_ numbers: [Int]) -> [Tokenizer.Item] {
        stride(from: 0, to: numbers.count, by: 3).map { i in
            Tokenizer.Item(kind: numbers[i], id: Int32(numbers[i + 1]), type: Int32(numbers[i + 2]))
        }
    }
}

extension Tokenizer.Model {
    init(_ line: TableLine, file: (String) throws -> [UInt8]) throws {
        let rest = line.rest
        let vocabulary = Vocabulary(try file("vocab.txt"))
        let flags = rest.dropFirst().map { $0 == "1" }
        switch (rest[0], rest.dropFirst().compactMap { Double($0) }) {
        case ("wordpiece", let numbers):
            self = .wordPiece(WordPiece(
                vocabulary: vocabulary, unknown: Int32(numbers[0]), longestWord: Int(numbers[1]),
                prefix: try line.bytes(3)))
        case ("bpe", let numbers):
            self = .bytePairs(try BytePairs(
                vocabulary, merges: try file("merges.txt"), unknown: Int32(numbers[0]), fuses: flags[1],
                fallsBack: flags[2], wholeFirst: flags[3]))
        case ("unigram", let numbers):
            let scores = try file("scores.txt").split(separator: 10).compactMap {
                Double(String(decoding: $0, as: UTF8.self))
            }
            guard scores.count == vocabulary.count else { throw KitError.damagedFile("scores.txt") }
            self = .unigram(Unigram(
                vocabulary, scores: scores, unknown: Int32(numbers[0]), fallsBack: flags[1], least: numbers[2]))
        default: throw line.unknown
        }
    }
}
