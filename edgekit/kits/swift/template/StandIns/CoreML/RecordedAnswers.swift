import Foundation

/// Answers that Python recorded, found by the tokens they belong to: an input that differs in one has none.
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

    private struct Sample: Decodable {
        let tokens: [String: [Int32]]
        let output: [Float]?
    }

    func answer(_ input: any MLFeatureProvider) throws -> any MLFeatureProvider {
        var given: [String: [Int32]] = [:]
        for name in model.inputs {
            guard let array = input.featureValue(for: name)?.shapedArrayValue(of: Int32.self) else {
                throw MLModelError(reason: "the input \(name) is missing or not Int32")
            }
            guard array.shape.count == 2, array.shape[0] == 1,
                model.lengths.isEmpty || model.lengths.contains(array.shape[1])
            else { throw MLModelError(reason: "\(name) has shape \(array.shape)") }
            given[name] = array.scalars
        }
        guard input.featureNames == Set(model.inputs) else {
            throw MLModelError(reason: "inputs are \(input.featureNames), not \(model.inputs)")
        }
        let mask = given["attention_mask"] ?? given.values.first?.map { _ in 1 } ?? []
        let used = mask.filter { $0 == 1 }.count
        let key = given.mapValues { Array($0.prefix(used)) }
        guard let sample = samples.first(where: { $0.tokens == key }), let output = sample.output else {
            throw MLModelError(reason: "no answer was recorded for \(key)")
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
