/// Tokens → ids, by their UTF-8 bytes, in one block of memory.
struct Vocabulary: Sendable {
    private var bytes: [UInt8] = [] // of all tokens, one after the other
    private var ends: [Int] = [0] // ends[id + 1]; the token begins where the one before it ends
    private var slots: [Int32] = [] // open addressing; −1: free
    private(set) var longest = 0 // code points of the longest token

    /// - Parameter file: a token in each line, at the line of its id; `\\`, `\n` and `\r` stand for themselves.
    init(_ file: [UInt8]) {
        bytes.reserveCapacity(file.count)
        var isEscaped = false
        for byte in file {
            if isEscaped {
                bytes.append(byte == 110 ? 10 : byte == 114 ? 13 : byte)
                isEscaped = false
            } else if byte == 92 {
                isEscaped = true
            } else if byte == 10 {
                ends.append(bytes.count)
            } else {
                bytes.append(byte)
            }
        }
        var size = 16
        while size < 2 * ends.count { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        for id in 0..<count where ends[id] < ends[id + 1] { // an empty line is an id without a token
            let token = ends[id]..<ends[id + 1]
            longest = max(longest, bytes[token].lazy.filter { $0 & 0xc0 != 0x80 }.count)
            slots[slot(of: bytes, token, after: [])] = Int32(id)
        }
    }

    var count: Int { ends.count - 1 }

    /// The id of some bytes after a prefix; nil: no token reads so.
    func id(_ text: [UInt8], _ range: Range<Int>, after prefix: [UInt8] = []) -> Int32? {
        let id = slots[slot(of: text, range, after: prefix)]
        return id < 0 ? nil : id
    }

    func id(_ text: String) -> Int32? {
        let bytes = Array(text.utf8)
        return id(bytes, 0..<bytes.count)
    }

    /// The tokens that stand for single bytes, `<0x0A>`, by byte.
    func byteTokens() -> [Int32?] {
        (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return id("<0x\(digits.count < 2 ? "0" : "")\(digits)>")
        }
    }

    private func slot(of text: [UInt8], _ range: Range<Int>, after prefix: [UInt8]) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 // FNV-1a
        for byte in prefix { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for byte in text[range] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        var slot = Int(truncatingIfNeeded: hash ^ hash >> 32) & (slots.count - 1)
        while slots[slot] >= 0, !isToken(Int(slots[slot]), text, range, prefix) {
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    private func isToken(_ id: Int, _ text: [UInt8], _ range: Range<Int>, _ prefix: [UInt8]) -> Bool {
        let token = bytes[ends[id]..<ends[id + 1]]
        return token.count == prefix.count + range.count && token.starts(with: prefix)
            && token.suffix(range.count).elementsEqual(text[range])
    }
}
