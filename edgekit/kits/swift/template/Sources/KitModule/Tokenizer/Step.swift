/// A step of the table: it takes one piece of text and gives its pieces.
enum Step: Sendable {
    case map(CodeMap)
    case order(Runs)
    case compose(Compositions, Runs)
    case precompiled(Charsmap)
    case strip(left: Bool, right: Bool, Runs)
    case prepend([UInt32], When)
    case replace(Matcher, [UInt32])
    case split(Matcher, Int)
    case bytes([UInt32])

    enum When: String {
        case always
        case unless // it is there
        case first // where the text begins, unless it is there
    }

    func pieces(_ piece: Piece) -> [Piece] {
        switch self {
        case .map(let table):
            // A piece that loses its first code point no longer begins the text.
            let begins = piece.first && table[piece.units[0].code] != []
            return [Piece(units: table.apply(piece.units), first: begins)]
        case .order(let classes):
            return [Piece(units: Self.ordered(piece.units, classes), first: piece.first)]
        case .compose(let joined, let classes):
            return [Piece(units: Self.composed(piece.units, joined, classes), first: piece.first)]
        case .precompiled(let map):
            return [Piece(units: map.normalized(piece.units), first: piece.first)]
        case .strip(let left, let right, let spaces):
            return [Self.stripped(piece, left, right, spaces)]
        case .prepend(let content, let when):
            return [Self.prepended(piece, content, when)]
        case .replace(let matcher, let content):
            let units = matcher.parts(piece.units).flatMap { found, part in
                found ? content.map { Unit($0, end: part.last!.end) } : Array(part)
            }
            return [Piece(units: units, first: piece.first)]
        case .split(let matcher, let mode):
            return Self.cut(piece, matcher, mode)
        case .bytes(let alphabet):
            return [Piece(units: Self.spelled(piece.units, alphabet), first: piece.first)]
        }
    }

    /// Canonical ordering: code points between those of class 0 are sorted, equal ones as they stand.
    private static func ordered(_ units: [Unit], _ classes: Runs) -> [Unit] {
        var made = units
        var start = 0
        for i in 0...units.count where i == units.count || classes[units[i].code] == 0 {
            if i - start > 1 {
                let kinds = (start..<i).map { (kind: classes[units[$0].code], place: $0) }
                for (n, one) in kinds.sorted(by: { $0 < $1 }).enumerated() { made[start + n] = units[one.place] }
            }
            start = i + 1
        }
        return made
    }

    /// Canonical composition with the last code point of class 0, unless something blocks it.
    private static func composed(_ units: [Unit], _ joined: Compositions, _ classes: Runs) -> [Unit] {
        var made: [Unit] = []
        made.reserveCapacity(units.count)
        var starter = -1
        for unit in units {
            let kind = classes[unit.code]
            let blocked = starter < 0 || (starter < made.count - 1 && classes[made[made.count - 1].code] >= kind)
            if !blocked, let both = joined[made[starter].code, unit.code] {
                made[starter].code = both
                continue
            }
            made.append(unit)
            if kind == 0 { starter = made.count - 1 }
        }
        return made
    }

    private static func stripped(_ piece: Piece, _ left: Bool, _ right: Bool, _ spaces: Runs) -> Piece {
        var start = 0, end = piece.units.count
        while left, start < end, spaces[piece.units[start].code] != 0 { start += 1 }
        while right, end > start, spaces[piece.units[end - 1].code] != 0 { end -= 1 }
        return Piece(units: Array(piece.units[start..<end]), first: piece.first && start == 0)
    }

    private static func prepended(_ piece: Piece, _ content: [UInt32], _ when: When) -> Piece {
        let isThere = piece.units.prefix(content.count).map(\.code) == content
        if when != .always, isThere || (when == .first && !piece.first) { return piece }
        return Piece(units: content.map { Unit($0) } + piece.units, first: piece.first)
    }

    /// Matches (1), what lies between (2), or both (3) become pieces.
    private static func cut(_ piece: Piece, _ matcher: Matcher, _ mode: Int) -> [Piece] {
        var made: [Piece] = []
        for (number, one) in matcher.parts(piece.units).enumerated() where mode & (one.found ? 1 : 2) != 0 {
            made.append(Piece(units: Array(one.part), first: piece.first && number == 0))
        }
        return made
    }

    /// Every byte of the UTF-8 text as the code point that stands for it.
    private static func spelled(_ units: [Unit], _ alphabet: [UInt32]) -> [Unit] {
        var made: [Unit] = []
        made.reserveCapacity(units.count)
        var bytes: [UInt8] = []
        for unit in units {
            bytes.removeAll(keepingCapacity: true)
            appendUTF8(unit.code, to: &bytes)
            for byte in bytes { made.append(Unit(alphabet[Int(byte)], end: unit.end)) }
        }
        return made
    }
}
