/// Text → tokens, exactly as the tokenizer that the model was trained with makes them.
///
/// It only looks things up: what every code point is and becomes was asked of that tokenizer when this package was
/// made, so the device's version of Unicode plays no part.
struct Tokenizer: Sendable {
    enum Model: Sendable {
        case wordPiece(WordPiece)
        case bytePairs(BytePairs)
        case unigram(Unigram)

        func tokens(_ units: [Unit]) -> [Token] {
            switch self {
            case .wordPiece(let model): return model.tokens(units)
            case .bytePairs(let model): return model.tokens(units)
            case .unigram(let model): return model.tokens(units)
            }
        }
    }

    /// What an encoded text is put together from.
    struct Item: Sendable {
        let kind: Int // 0: one token; 1: the text; 2: its pair
        let id: Int32
        let type: Int32
    }

    struct Limit: Sendable {
        let tokens: Int
        let strategy: Int // 0: the longer text gives first; 1: the first; 2: the second
        let fromLeft: Bool
    }

    struct Phase: Sendable {
        var added = AddedTokens()
        var steps: [Step] = []
    }

    let phases: [Phase]
    let model: Model
    let single: [Item]
    let pair: [Item]
    let limit: Limit?

    /// The ids of a text, or of two, special tokens included and cut to the limit.
    ///
    /// - Throws: `KitError.textCannotBeCut`: the text that may be cut is too short to make room for the other.
    func encode(_ text: String, pair other: String? = nil) throws -> Tokens {
        let items = other == nil ? single : pair
        var parts = [tokens(text)]
        if let other { parts.append(tokens(other)) }
        if let limit {
            let room = limit.tokens - items.filter { $0.kind == 0 }.count
            guard room >= 0 else { throw KitError.textCannotBeCut }
            try cut(&parts, limit, room: room)
        }
        var made = Tokens()
        for item in items {
            let tokens = item.kind == 0 ? [Token(id: item.id, end: 0)] : parts[item.kind - 1]
            made.ids += tokens.map(\.id)
            made.types += [Int32](repeating: item.type, count: tokens.count)
            made.ends += tokens.map { Int($0.end) }
        }
        return made
    }

    /// The tokens of a text alone: nothing is put around them, and nothing is cut.
    func tokens(_ text: String) -> [Token] {
        var units: [Unit] = []
        units.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars { units.append(Unit(scalar.value, end: Int32(units.count + 1))) }
        var parts = units.isEmpty ? [] : [Part.piece(Piece(units: units, first: true))]
        for phase in phases {
            parts = Self.each(parts) { phase.added.parts($0) }
            for step in phase.steps {
                parts = Self.each(parts) { step.pieces($0).map { Part.piece($0) } }
            }
        }
        return parts.flatMap { part in
            switch part {
            case .token(let token): return [token]
            case .piece(let piece): return model.tokens(piece.units)
            }
        }
    }

    /// Every piece as its parts, without empty ones; tokens stay.
    private static func each(_ parts: [Part], _ change: (Piece) -> [Part]) -> [Part] {
        var made: [Part] = []
        made.reserveCapacity(parts.count)
        for part in parts {
            guard case .piece(let piece) = part else {
                made.append(part)
                continue
            }
            for one in change(piece) {
                if case .piece(let left) = one, left.units.isEmpty { continue }
                made.append(one)
            }
        }
        return made
    }

    private func cut(_ parts: inout [[Token]], _ limit: Limit, room: Int) throws {
        var lengths = parts.map(\.count)
        let over = lengths.reduce(0, +) - room
        if over <= 0 { return }
        if room == 0 {
            lengths = lengths.map { _ in 0 }
        } else if limit.strategy == 0, parts.count == 2 { // the longer one gives until they are even, then both
            let short = lengths[0] > lengths[1] ? 1 : 0
            let long = 1 - short
            lengths[long] = max(lengths[short], room - lengths[short])
            if lengths[0] + lengths[1] > room {
                lengths[short] = room / 2
                lengths[long] = room - room / 2
            }
        } else {
            let gives = limit.strategy == 2 ? 1 : 0
            guard gives < parts.count, lengths[gives] > over else { throw KitError.textCannotBeCut }
            lengths[gives] -= over
        }
        for (i, length) in lengths.enumerated() {
            parts[i] = Array(limit.fromLeft ? parts[i].suffix(length) : parts[i].prefix(length))
        }
    }
}
