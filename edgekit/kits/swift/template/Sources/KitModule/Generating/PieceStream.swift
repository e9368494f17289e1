/// One token after another → text, never half a character and never part of a stop text.
///
/// What is certain is given out at once: bytes that are no UTF-8 are U+FFFD, and only bytes that may still become a
/// character wait, or characters that may become a stop text.
struct PieceStream {
    private let pieces: Pieces
    private var strip: Int // spaces that the text may still lose at its beginning
    // As bytes: Swift finds texts in one another as people read them, by whole characters and equal accents.
    private let stops: [[UInt8]]
    private var unfinished: [UInt8] = [] // the beginning of a character
    private var held: [UInt8] = [] // could be the beginning of a stop text
    private(set) var isStopped = false

    init(_ pieces: Pieces, strip: Int, stop: [String]) {
        self.pieces = pieces
        self.strip = strip
        stops = stop.filter { !$0.isEmpty }.map { Array($0.utf8) }
    }

    /// The text that is certain now.
    mutating func add(_ token: Int32) -> String {
        var piece = pieces[token]
        while strip > 0, let first = piece.first {
            if first == 32 {
                strip -= 1
                piece = piece.dropFirst()
            } else {
                strip = 0
            }
        }
        unfinished += piece
        let whole = unfinished.count - Self.beginning(unfinished)
        let text = String(decoding: unfinished[..<whole], as: UTF8.self)
        unfinished.removeFirst(whole)
        return certain(text)
    }

    /// What was held back, when no token follows.
    mutating func end() -> String {
        let rest = certain(String(decoding: unfinished, as: UTF8.self))
        defer {
            unfinished = []
            held = []
        }
        return isStopped ? rest : rest + String(decoding: held, as: UTF8.self)
    }

    private mutating func certain(_ piece: String) -> String {
        if isStopped { return "" }
        var text = held + Array(piece.utf8)
        if let first = stops.compactMap({ Self.find($0, in: text) }).min() {
            isStopped = true
            held = []
            return String(decoding: text[..<first], as: UTF8.self)
        }
        // The longest end of the text that begins a stop text.
        let longest = stops.map { stop in
            (1..<max(stop.count, 1)).last { text.suffix($0).elementsEqual(stop.prefix($0)) } ?? 0
        }
        held = Array(text.suffix(longest.max() ?? 0))
        text.removeLast(held.count)
        return String(decoding: text, as: UTF8.self)
    }

    private static func find(_ stop: [UInt8], in text: [UInt8]) -> Int? {
        guard stop.count <= text.count else { return nil }
        return (0...text.count - stop.count).first { text[$0...].starts(with: stop) }
    }

    /// Bytes at the end that begin a character and are not yet all of it.
    private static func beginning(_ bytes: [UInt8]) -> Int {
        for count in 1..<4 where count <= bytes.count {
            let lead = bytes[bytes.count - count]
            if lead & 0xc0 == 0x80 { continue } // it goes on with a character that began before
            let length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1
            guard lead < 0xf5, count < length else { return 0 }
            if count > 1 { // the second byte may be out of its lead's range (Unicode 16, table 3-7)
                let second = bytes[bytes.count - count + 1]
                let range: ClosedRange<UInt8> = switch lead {
                case 0xe0: 0xa0...0xbf
                case 0xed: 0x80...0x9f
                case 0xf0: 0x90...0xbf
                case 0xf4: 0x80...0x8f
                default: 0x80...0xbf
                }
                guard range.contains(second) else { return 0 }
            }
            return count
        }
        return 0
    }
}
