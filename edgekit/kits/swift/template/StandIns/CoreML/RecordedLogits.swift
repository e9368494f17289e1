import Foundation

/// Logits that Python recorded, found by all tokens that they follow: a text that differs in one has none.
///
/// Lines of words between single spaces; lists have commas:
///
///     vocabulary 290              how many logits there are, on the first line
///     context 128                 tokens that the caches hold
///     logits 5,6,7 0.25,-1.5,…    those after some tokens
///     greedy 8,9 … 5,6,7          the likeliest tokens after a prompt, which stands last
///     otherwise 8                 the likeliest token after anything else; absent: nothing is known of it
///     pause 0.005                 seconds that a call takes
///
/// Other lines are for others.
struct RecordedLogits {
    private enum Row {
        case likeliest(Int)
        case all([Float])
    }

    private var vocabulary = 0
    private var context = Int.max
    private var rows: [[Int32]: Row] = [:]
    private var otherwise: Row?
    private var pause = 0.0

    init(_ file: Data) throws {
        for line in file.split(separator: 10) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            switch words.first {
            case "vocabulary": vocabulary = Int(words[1]) ?? 0
            case "context": context = Int(words[1]) ?? 0
            case "otherwise": otherwise = Int(words[1]).map { .likeliest($0) }
            case "pause": pause = Double(words[1]) ?? 0
            case "logits": rows[Self.ids(words[1])] = .all(words[2].split(separator: ",").compactMap { Float($0) })
            case "greedy":
                var text = Self.ids(words[3])
                for token in Self.ids(words[1]) {
                    rows[text] = .likeliest(Int(token))
                    text.append(token)
                }
            default: continue
            }
        }
        guard vocabulary > 0 else { throw MLModelError(reason: "the recording names no vocabulary") }
    }

    private static func ids(_ word: Substring) -> [Int32] {
        word.split(separator: ",").compactMap { Int32($0) }
    }

    func answer(_ input: any MLFeatureProvider, _ state: MLState) throws -> any MLFeatureProvider {
        guard input.featureNames == ["inputIds", "causalMask"],
            let row = input.featureValue(for: "inputIds")?.multiArrayValue,
            let mask = input.featureValue(for: "causalMask")?.multiArrayValue,
            row.dataType == .int32, mask.dataType == .float16
        else { throw MLModelError(reason: "inputs are \(input.featureNames)") }
        let (count, shape) = (row.shape.map(\.intValue).last ?? 0, mask.shape.map(\.intValue))
        guard count > 0, row.shape.map(\.intValue) == [1, count], shape.count == 4, shape[..<3] == [1, 1, count],
            shape[3] <= context, count <= shape[3], shape[3] - count <= state.tokens.count
        else {
            throw MLModelError(
                reason: "\(row.shape) tokens and the mask \(shape) do not go on after \(state.tokens.count)")
        }
        let past = shape[3] - count
        try check(mask, past: past, count: count)
        state.tokens.removeLast(state.tokens.count - past)
        state.tokens += row.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
        Thread.sleep(forTimeInterval: pause)
        return try provider(rows[state.tokens] ?? otherwise, count: count)
    }

    /// 0 where a token may look, −30000 at those after it.
    private func check(_ mask: MLMultiArray, past: Int, count: Int) throws {
        let expected: [UInt16] = (0..<count).flatMap { i in (0..<past + count).map { $0 <= past + i ? 0 : 0xf753 } }
        guard mask.withUnsafeBytes({ $0.bindMemory(to: UInt16.self).elementsEqual(expected) }) else {
            throw MLModelError(reason: "the mask is not causal")
        }
    }

    /// Only the last row is known; the others, and what is between rows, are no numbers.
    private func provider(_ row: Row?, count: Int) throws -> MLDictionaryFeatureProvider {
        let logits = MLMultiArray([1, count, vocabulary], .float16, padding: 3)
        logits.withUnsafeMutableBytes { bytes, strides in
            let places = bytes.bindMemory(to: UInt16.self)
            for i in 0..<vocabulary {
                let place = (count - 1) * strides[1] + i
                switch row {
                case .likeliest(let token): places[place] = i == token ? 0x3c00 : 0
                case .all(let values): places[place] = Float16(values[i]).bitPattern
                case nil: continue
                }
            }
        }
        return try MLDictionaryFeatureProvider(dictionary: ["logits": MLFeatureValue(multiArray: logits)])
    }
}
