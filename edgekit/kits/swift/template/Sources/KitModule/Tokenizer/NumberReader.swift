/// Reads integers that are separated by spaces and line ends, without making a string of each.
struct NumberReader {
    private let bytes: ArraySlice<UInt8>
    private var at: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        at = bytes.startIndex
    }

    var isAtEnd: Bool { at == bytes.endIndex }

    /// The next number; nil at the end, and at anything else than a number.
    mutating func next() -> Int? {
        while at < bytes.endIndex, bytes[at] == 32 || bytes[at] == 10 { at += 1 }
        let start = at
        var value = 0
        let isNegative = at < bytes.endIndex && bytes[at] == 45
        if isNegative { at += 1 }
        while at < bytes.endIndex, case 48...57 = bytes[at] {
            value = value &* 10 &+ Int(bytes[at] - 48)
            at += 1
        }
        return at > start + (isNegative ? 1 : 0) ? (isNegative ? -value : value) : nil
    }
}
