import Foundation

/// Answers that Python recorded, found by the inputs they belong to: one that differs in a token or in a number has
/// none.
struct RecordedAnswers: Decodable, Sendable {
    private let model: Interface
    private let samples: [Sample]

    private struct Interface: Decodable {
        let inputs: [String]
        let lengths: [Int]
        let output: String
        let width: Int
        let perToken: Bool
        let probabilities: String?
        let labels: [String]
    }

    /// Inputs by their names.
    private struct Sample: Decodable {
        let tokens: [String: [Int32]]?
        let tensors: [String: Fingerprint]?
        let output: [Float]?
    }

    func answer(_ input: any MLFeatureProvider) throws -> any MLFeatureProvider {
        guard input.featureNames == Set(model.inputs) else {
            throw MLModelError(reason: "inputs are \(input.featureNames), not \(model.inputs)")
        }
        var tokens: [String: [Int32]] = [:], tensors: [String: Fingerprint] = [:]
        for name in model.inputs {
            let value = input.featureValue(for: name)
            if let numbers = value?.shapedArrayValue(of: Float.self) {
                tensors[name] = Fingerprint(numbers)
            } else if let row = value?.shapedArrayValue(of: Int32.self) {
                guard row.shape.count == 2, row.shape[0] == 1,
                    model.lengths.isEmpty || model.lengths.contains(row.shape[1])
                else { throw MLModelError(reason: "\(name) has shape \(row.shape)") }
                tokens[name] = row.scalars
            } else {
                throw MLModelError(reason: "the input \(name) is neither Float nor Int32")
            }
        }
        let mask = tokens["attention_mask"] ?? tokens.values.first?.map { _ in 1 } ?? []
        let used = mask.filter { $0 == 1 }.count
        tokens = tokens.mapValues { Array($0.prefix(used)) }
        let sample = samples.first { ($0.tokens ?? [:]) == tokens && ($0.tensors ?? [:]) == tensors }
        guard let output = sample?.output else {
            throw MLModelError(reason: "no answer was recorded for \(tokens) \(tensors)")
        }
        return try provider(output, padding: mask.count - used)
    }

    private func provider(_ output: [Float], padding: Int) throws -> MLDictionaryFeatureProvider {
        if let name = model.probabilities {
            let shares = zip(model.labels, output).map { (AnyHashable($0), NSNumber(value: $1)) }
            let value = try MLFeatureValue(dictionary: Dictionary(uniqueKeysWithValues: shares))
            return try MLDictionaryFeatureProvider(dictionary: [name: value])
        }
        let rows = output.count / model.width
        // A padded token's row is no answer.
        let padded = output + [Float](repeating: .nan, count: model.perToken ? padding * model.width : 0)
        let shape = model.perToken ? [1, rows + padding, model.width] : [1, model.width]
        let value = MLFeatureValue(shapedArray: MLShapedArray<Float>(scalars: padded, shape: shape))
        return try MLDictionaryFeatureProvider(dictionary: [model.output: value])
    }
}
