/// The bytes that every token adds to a text: pieces.txt, in one block of memory.
struct Pieces: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = [0] // ends[id + 1]; the piece begins where the one before it ends

    /// - Parameter file: hex digits in each line, at the line of the token's id; `-`: it adds nothing.
    init(_ file: [UInt8]) throws {
        bytes.reserveCapacity(file.count / 2)
        var high: UInt8?
        for digit in file {
            switch (digit, high) {
            case (10, nil): ends.append(bytes.count)
            case (45, nil): continue
            case (_, let first):
                guard let value = nibble(digit) else { throw KitError.damagedFile("pieces.txt") }
                if let first { bytes.append(first << 4 | value) }
                high = first == nil ? value : nil
            }
        }
    }

    /// Of a token; none of one that is not in the table.
    subscript(token: Int32) -> ArraySlice<UInt8> {
        guard token >= 0, token < ends.count - 1 else { return [] }
        return bytes[ends[Int(token)]..<ends[Int(token) + 1]]
    }
}
