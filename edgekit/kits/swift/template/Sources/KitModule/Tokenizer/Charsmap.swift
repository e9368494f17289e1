/// SentencePiece's normalization map, looked up by short grapheme clusters (UAX #29) and by code points.
struct Charsmap: Sendable {
    private enum Kind: Int {
        case other, control, cr, lf, extend, joiner, spacing, prepend
        case lead, vowel, trail, syllable, closed
        case pictograph, consonant, linker, loose

        /// Whether it goes on with the cluster before it, whatever that is.
        var isMark: Bool {
            switch self {
            case .extend, .joiner, .spacing, .linker, .loose: return true
            default: return false
            }
        }

        var isControl: Bool { self == .control || self == .cr || self == .lf }

        /// Whether a Hangul syllable goes on from the one to the other.
        static func isSyllable(_ before: Kind, _ kind: Kind) -> Bool {
            switch before {
            case .lead: return [.lead, .vowel, .syllable, .closed].contains(kind)
            case .vowel, .syllable: return kind == .vowel || kind == .trail
            case .trail, .closed: return kind == .trail
            default: return false
            }
        }
    }

    private static let longest = 5 // bytes of a cluster that is looked up whole

    private let shapes: Runs
    private let several: [[UInt32]: [UInt32]]
    private let one: CodeMap

    init(shapes: Runs, several: [[UInt32]: [UInt32]], one: CodeMap) {
        self.shapes = shapes
        self.several = several
        self.one = one
    }

    /// Keys of several code points → replacements, from `count key… count value…`.
    static func keys(_ numbers: [Int]) -> [[UInt32]: [UInt32]] {
        var made: [[UInt32]: [UInt32]] = [:]
        var i = 0
        func next() -> [UInt32] {
            let values = numbers[i + 1..<i + 1 + numbers[i]].map { UInt32($0) }
            i += 1 + values.count
            return values
        }
        while i < numbers.count {
            let key = next()
            made[key] = next()
        }
        return made
    }

    /// A short cluster whose beginning is a key becomes that key's value; else each code point its own.
    func normalized(_ units: [Unit]) -> [Unit] {
        var made: [Unit] = []
        made.reserveCapacity(units.count)
        var start = 0
        for end in ends(units) {
            let cluster = units[start..<end]
            start = end
            if let whole = value(cluster) {
                for code in whole { made.append(Unit(code, end: cluster.last!.end)) }
            } else {
                for unit in cluster { one.append(unit, to: &made) }
            }
        }
        return made
    }

    private func value(_ cluster: ArraySlice<Unit>) -> [UInt32]? {
        let codes = cluster.prefix(Self.longest + 1).map(\.code)
        guard codes.count <= Self.longest, Spelling(Array(cluster)).bytes.count <= Self.longest else { return nil }
        if let found = one[codes[0]] { return found }
        for count in stride(from: 2, through: codes.count, by: 1) {
            if let found = several[Array(codes.prefix(count))] { return found }
        }
        return nil
    }

    /// Where extended grapheme clusters end, but for those of regional indicators.
    private func ends(_ units: [Unit]) -> [Int] {
        enum Waiting { case no, begun, ready } // for a second pictograph or consonant
        var made: [Int] = []
        var before = Kind.other
        var emoji = Waiting.no, conjunct = Waiting.no
        for (i, unit) in units.enumerated() {
            let kind = Kind(rawValue: shapes[unit.code])!
            let breaks = before.isControl || kind.isControl
            let joins = (before == .cr && kind == .lf) || (!breaks && (kind.isMark || before == .prepend))
                || Kind.isSyllable(before, kind) || (emoji == .ready && kind == .pictograph)
                || (conjunct == .ready && kind == .consonant)
            if i > 0, !joins { made.append(i) }
            if kind == .pictograph {
                emoji = .begun
            } else {
                emoji = emoji == .begun && kind.isMark && kind != .spacing ? (kind == .joiner ? .ready : .begun) : .no
            }
            if kind == .consonant {
                conjunct = .begun
            } else if conjunct == .no || ![.extend, .joiner, .linker].contains(kind) {
                conjunct = .no
            } else if kind == .linker {
                conjunct = .ready
            }
            before = kind
        }
        if !units.isEmpty { made.append(units.count) }
        return made
    }
}
