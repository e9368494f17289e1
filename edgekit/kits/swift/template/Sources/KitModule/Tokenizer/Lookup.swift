/// Code point → class, from (length, class) pairs; nothing given: class 0.
struct Runs: Sendable {
    private var starts: [UInt32] = [0]
    private var kinds: [Int] = [0]
    private var ascii = [Int](repeating: 0, count: 128)

    init() {}

    init(_ numbers: [Int]) {
        if numbers.isEmpty { return }
        (starts, kinds) = ([], [])
        var start = 0
        for i in stride(from: 0, to: numbers.count, by: 2) {
            starts.append(UInt32(start))
            kinds.append(numbers[i + 1])
            start += numbers[i]
        }
        ascii = (0..<128).map { kinds[last(starts, notAfter: $0)] }
    }

    subscript(code: UInt32) -> Int {
        code < 128 ? ascii[Int(code)] : kinds[last(starts, notAfter: code)]
    }
}

/// Code point → what replaces it, from entries `gap length moving count values…`.
struct CodeMap: Sendable {
    private var starts: [UInt32] = []
    private var ends: [UInt32] = []
    private var moving: [Int] = [] // which of the values counts up along the range
    private var values: [[UInt32]] = []
    private var ascii = [Int](repeating: -1, count: 128) // the entry

    init(_ numbers: [Int]) {
        var i = 0, end = 0
        while i < numbers.count {
            starts.append(UInt32(end + numbers[i]))
            end += numbers[i] + numbers[i + 1]
            ends.append(UInt32(end))
            moving.append(numbers[i + 2])
            values.append(numbers[i + 4..<i + 4 + numbers[i + 3]].map { UInt32($0) })
            i += 4 + numbers[i + 3]
        }
        for code in 0..<128 { ascii[code] = searched(UInt32(code)) }
    }

    /// The replacement; nil for a code point that stays.
    subscript(code: UInt32) -> [UInt32]? {
        let entry = code < 128 ? ascii[Int(code)] : searched(code)
        if entry < 0 { return nil }
        var made = values[entry]
        if !made.isEmpty { made[moving[entry]] += code - starts[entry] }
        return made
    }

    func apply(_ units: [Unit]) -> [Unit] {
        var made: [Unit] = []
        made.reserveCapacity(units.count)
        for unit in units { append(unit, to: &made) }
        return made
    }

    func append(_ unit: Unit, to made: inout [Unit]) {
        if let codes = self[unit.code] {
            for code in codes { made.append(Unit(code, end: unit.end)) }
        } else {
            made.append(unit)
        }
    }

    private func searched(_ code: UInt32) -> Int {
        let entry = last(starts, notAfter: code)
        return entry >= 0 && code < ends[entry] ? entry : -1
    }
}

/// Pairs of code points → what they join to, from differences `first second count result`.
struct Compositions: Sendable {
    private var joined: [UInt64: UInt32] = [:]

    init(_ numbers: [Int]) {
        var first = 0, second = 0, result = 0
        for i in stride(from: 0, to: numbers.count, by: 4) {
            first += numbers[i]
            second += numbers[i + 1]
            result += numbers[i + 3]
            for n in 0..<numbers[i + 2] {
                joined[Self.key(UInt32(first), UInt32(second + n))] = UInt32(result + n)
            }
        }
    }

    subscript(first: UInt32, second: UInt32) -> UInt32? {
        joined[Self.key(first, second)]
    }

    private static func key(_ first: UInt32, _ second: UInt32) -> UInt64 {
        UInt64(first) << 32 | UInt64(second)
    }
}

/// The place of the last start that is not after `code`; −1: all are.
private func last(_ starts: [UInt32], notAfter code: UInt32) -> Int {
    var low = 0, high = starts.count
    while low < high {
        let middle = (low + high) / 2
        if starts[middle] <= code { low = middle + 1 } else { high = middle }
    }
    return low - 1
}
