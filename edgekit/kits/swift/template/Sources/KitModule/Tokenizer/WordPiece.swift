/// The longest token at each place; one place without any makes the whole word unknown.
struct WordPiece: Sendable {
    let vocabulary: Vocabulary
    let unknown: Int32
    let longestWord: Int // code points
    let prefix: [UInt8] // of a token that goes on with a word

    func tokens(_ units: [Unit]) -> [Token] {
        let whole = [Token(id: unknown, end: units[units.count - 1].end)]
        if units.count > longestWord { return whole }
        let text = Spelling(units)
        var made: [Token] = []
        var start = 0
        while start < units.count {
            var end = units.count
            var found: Int32?
            while end > start {
                found = vocabulary.id(text.bytes, text[start..<end], after: start > 0 ? prefix : [])
                if found != nil { break }
                end -= 1
            }
            guard let found else { return whole }
            made.append(Token(id: found, end: units[end - 1].end))
            start = end
        }
        return made
    }
}
