/// A token that is looked for in the text itself.
struct AddedToken: Sendable {
    let id: Int32
    let singleWord: Bool
    let takesLeft: Bool // the spaces at its left
    let takesRight: Bool
    let codes: [UInt32]
}

/// What a text becomes, part by part.
enum Part: Sendable {
    case piece(Piece)
    case token(Token)
}

/// Added tokens that are looked for at the same time.
struct AddedTokens: Sendable {
    private var starting: [UInt32: [AddedToken]] = [:] // by their first code point
    var words = Runs() // 1: part of a word
    var spaces = Runs() // 1: space

    mutating func add(_ token: AddedToken) {
        starting[token.codes[0], default: []].append(token)
    }

    /// A piece around the added tokens in it: the leftmost first, of those the longest.
    func parts(_ piece: Piece) -> [Part] {
        if starting.isEmpty { return [.piece(piece)] }
        let units = piece.units
        var made: [Part] = []
        var done = 0, i = 0 // `done`: where the last one's spaces end
        while i < units.count {
            guard let token = longest(units, at: i) else {
                i += 1
                continue
            }
            var start = i, end = i + token.codes.count
            i = end
            let joinsLeft = start > 0 && words[units[start - 1].code] != 0
            let joinsRight = end < units.count && words[units[end].code] != 0
            if token.singleWord, joinsLeft || joinsRight { continue }
            while token.takesLeft, start > done, spaces[units[start - 1].code] != 0 { start -= 1 }
            while token.takesRight, end < units.count, spaces[units[end].code] != 0 { end += 1 }
            if done < start {
                made.append(.piece(Piece(units: Array(units[done..<start]), first: piece.first && done == 0)))
            }
            made.append(.token(Token(id: token.id, end: units[end - 1].end)))
            done = end
        }
        if done < units.count {
            made.append(.piece(Piece(units: Array(units[done...]), first: piece.first && done == 0)))
        }
        return made
    }

    private func longest(_ units: [Unit], at i: Int) -> AddedToken? {
        var found: AddedToken?
        for token in starting[units[i].code] ?? [] where token.codes.count > found?.codes.count ?? 0 {
            if units[i...].prefix(token.codes.count).map(\.code) == token.codes { found = token }
        }
        return found
    }
}
