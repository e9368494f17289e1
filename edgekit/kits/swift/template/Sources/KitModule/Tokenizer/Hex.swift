/// UTF-8 bytes written as hex digits, read strictly; nil when they are no text.
package func unhex(_ digits: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in digits.utf8 {
        guard let value = nibble(digit) else { return nil }
        if let first = high {
            bytes.append(first << 4 | value)
            high = nil
        } else {
            high = value
        }
    }
    guard high == nil else { return nil }
    let text = String(decoding: bytes, as: UTF8.self) // repairs what is damaged, which then differs
    return text.utf8.elementsEqual(bytes) ? text : nil
}

func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 48...57: return digit - 48
    case 97...102: return digit - 87
    default: return nil
    }
}
