/// Byte-pair encoding: of neighbours that merge, those of the lowest rank first, from the left.
struct BytePairs: Sendable {
    private struct Merge {
        let rank: Int32
        let made: Int32
    }

    private let vocabulary: Vocabulary
    private let merges: [UInt64: Merge]
    private let bytes: [Int32?]
    private let unknown: Int32 // −1: what is unknown is left out
    private let fuses: Bool // neighbouring unknown ones become one
    private let fallsBack: Bool // to tokens of single bytes
    private let wholeFirst: Bool // a piece that is a token isn't merged

    init(
        _ vocabulary: Vocabulary, merges file: [UInt8], unknown: Int32, fuses: Bool, fallsBack: Bool, wholeFirst: Bool
    ) throws {
        self.vocabulary = vocabulary
        self.unknown = unknown
        self.fuses = fuses
        self.fallsBack = fallsBack
        self.wholeFirst = wholeFirst
        bytes = fallsBack ? vocabulary.byteTokens() : []
        var merges: [UInt64: Merge] = [:]
        merges.reserveCapacity(vocabulary.count)
        var numbers = NumberReader(file[...])
        var last = 0, rank: Int32 = 0
        while let left = numbers.next(), let right = numbers.next(), let difference = numbers.next() {
            last += difference
            merges[Self.key(Int32(left), Int32(right))] = Merge(rank: rank, made: Int32(last))
            rank += 1
        }
        guard numbers.isAtEnd else { throw KitError.damagedFile("merges.txt") }
        self.merges = merges
    }

    func tokens(_ units: [Unit]) -> [Token] {
        let text = Spelling(units)
        if wholeFirst, let id = vocabulary.id(text.bytes, 0..<text.bytes.count) {
            return [Token(id: id, end: units[units.count - 1].end)]
        }
        return merged(symbols(units, text))
    }

    /// What is there before merging. An unknown one waits, so that it can be fused with the next.
    private func symbols(_ units: [Unit], _ text: Spelling) -> [Token] {
        var made: [Token] = []
        var waiting: Token?
        for (i, unit) in units.enumerated() {
            let spelled = text[i..<i + 1]
            if let id = vocabulary.id(text.bytes, spelled) {
                if let unknown = waiting { made.append(unknown) }
                waiting = nil
                made.append(Token(id: id, end: unit.end))
            } else if let ids = fallback(text.bytes[spelled]) {
                for id in ids { made.append(Token(id: id, end: unit.end)) }
            } else if unknown >= 0 {
                if let unknown = waiting, !fuses { made.append(unknown) }
                waiting = Token(id: unknown, end: unit.end)
            }
        }
        if let unknown = waiting { made.append(unknown) }
        return made
    }

    private func fallback(_ spelled: ArraySlice<UInt8>) -> [Int32]? {
        guard fallsBack else { return nil }
        let ids = spelled.compactMap { bytes[Int($0)] }
        return ids.count == spelled.count ? ids : nil
    }

    private func merged(_ symbols: [Token]) -> [Token] {
        var made = symbols
        var next = (0..<made.count).map { $0 + 1 } // of every symbol; a merged one is skipped
        var before = (0..<made.count).map { $0 - 1 }
        var isGone = [Bool](repeating: false, count: made.count)
        var heap = Heap()
        func offer(_ left: Int) {
            guard left >= 0, next[left] < made.count else { return }
            let pair = Self.key(made[left].id, made[next[left]].id)
            if let merge = merges[pair] {
                heap.push(Heap.Entry(rank: merge.rank, place: Int32(left), pair: pair))
            }
        }
        for place in made.indices { offer(place) }
        while let entry = heap.pop() {
            let left = Int(entry.place), right = next[left]
            // One of the two has merged with another meanwhile.
            guard !isGone[left], right < made.count, Self.key(made[left].id, made[right].id) == entry.pair else {
                continue
            }
            made[left] = Token(id: merges[entry.pair]!.made, end: made[right].end)
            isGone[right] = true
            next[left] = next[right]
            if next[right] < made.count { before[next[right]] = left }
            offer(before[left])
            offer(left)
        }
        return made.indices.filter { !isGone[$0] }.map { made[$0] }
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}

/// Candidates for merging, the lowest rank and then the leftmost on top.
private struct Heap {
    struct Entry {
        let rank: Int32
        let place: Int32
        let pair: UInt64

        static func < (a: Entry, b: Entry) -> Bool { (a.rank, a.place) < (b.rank, b.place) }
    }

    private var entries: [Entry] = []

    mutating func push(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0, entries[child] < entries[(child - 1) / 2] {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Entry? {
        guard let top = entries.first, let last = entries.popLast() else { return nil }
        if entries.isEmpty { return top }
        entries[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child] < entries[least] { least = child }
            }
            if least == parent { return top }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
