/// A code point on its way through the tokenizer, and where it came from.
struct Unit: Sendable {
    var code: UInt32
    var end: Int32 // scalars of the text up to and with the one it was made of; 0: of none

    init(_ code: UInt32, end: Int32 = 0) {
        self.code = code
        self.end = end
    }
}

/// Part of a text that is still code points.
struct Piece: Sendable {
    var units: [Unit]
    var first: Bool // the original text begins with it
}

/// A piece as UTF-8. Vocabularies are looked up by bytes: Swift takes canonically equal strings for one.
struct Spelling {
    private(set) var bytes: [UInt8] = []
    private(set) var starts: [Int] = [0] // of every unit in `bytes`, and the end

    init(_ units: [Unit]) {
        bytes.reserveCapacity(units.count)
        starts.reserveCapacity(units.count + 1)
        for unit in units {
            appendUTF8(unit.code, to: &bytes)
            starts.append(bytes.count)
        }
    }

    /// The bytes of some units.
    subscript(units: Range<Int>) -> Range<Int> {
        starts[units.lowerBound]..<starts[units.upperBound]
    }
}

func appendUTF8(_ code: UInt32, to bytes: inout [UInt8]) {
    switch code {
    case ..<0x80:
        bytes.append(UInt8(code))
    case ..<0x800:
        bytes.append(UInt8(0xc0 | code >> 6))
        bytes.append(UInt8(0x80 | code & 0x3f))
    case ..<0x10000:
        bytes.append(UInt8(0xe0 | code >> 12))
        bytes.append(UInt8(0x80 | code >> 6 & 0x3f))
        bytes.append(UInt8(0x80 | code & 0x3f))
    default:
        bytes.append(UInt8(0xf0 | code >> 18))
        bytes.append(UInt8(0x80 | code >> 12 & 0x3f))
        bytes.append(UInt8(0x80 | code >> 6 & 0x3f))
        bytes.append(UInt8(0x80 | code & 0x3f))
    }
}
