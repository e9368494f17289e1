import CoreML
import Foundation

/// What the model is asked, under the names of its inputs.
protocol ModelInput: Sendable {
    func features() -> [String: MLFeatureValue]
}

/// The open model. It answers one input at a time, as `MLModel` demands.
actor Engine {
    private let model: MLModel

    init(compiled: URL, units: ComputeUnits) throws {
        let settings = MLModelConfiguration()
        settings.computeUnits = units.coreML
        model = try MLModel(contentsOf: compiled, configuration: settings)
    }

    static func load(_ units: ComputeUnits) async throws -> Engine {
        try await CompiledModel.open { try Engine(compiled: $0, units: units) }
    }

    /// The output's numbers, row after row; of a classifier, the probability of every label.
    func run(_ input: some ModelInput) throws -> [Float] {
        let answer = try model.prediction(from: MLDictionaryFeatureProvider(dictionary: input.features()))
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
        return scalars
    }
}
