import CoreML
import Foundation

/// The open model. It answers one text at a time, as `MLModel` demands.
actor Engine {
    private let model: MLModel

    init(compiled: URL, units: ComputeUnits) throws {
        let settings = MLModelConfiguration()
        settings.computeUnits = units.coreML
        model = try MLModel(contentsOf: compiled, configuration: settings)
    }

    /// The output's numbers, row after row; rows of padding are left out.
    func run(_ tokens: Tokens) throws -> [Float] {
        let answer = try model.prediction(from: Self.features(tokens))
        if let name = KitInfo.probabilities {
            guard let shares = answer.featureValue(for: name)?.dictionaryValue else {
                throw KitError.noAnswer(output: name)
            }
            return try KitInfo.labels.map { label in
                guard let share = shares[label] else { throw KitError.noAnswer(output: "\(name) of \(label)") }
                return share.floatValue
            }
        }
        guard let scalars = answer.featureValue(for: KitInfo.output)?.shapedArrayValue(of: Float.self)?.scalars else {
            throw KitError.noAnswer(output: KitInfo.output)
        }
        return KitInfo.perToken ? Array(scalars.prefix(tokens.count * KitInfo.labels.count)) : scalars
    }

    private static func features(_ tokens: Tokens) throws -> MLDictionaryFeatureProvider {
        let width = KitInfo.lengths.first { $0 >= tokens.count } ?? tokens.count
        var features: [String: MLFeatureValue] = [:]
        for name in KitInfo.inputs {
            // The attention mask is padded with 0 like all else, so that what stands there is not read.
            let row = tokens.input(name) + [Int32](repeating: 0, count: width - tokens.count)
            features[name] = MLFeatureValue(shapedArray: MLShapedArray<Int32>(scalars: row, shape: [1, width]))
        }
        return try MLDictionaryFeatureProvider(dictionary: features)
    }
}
