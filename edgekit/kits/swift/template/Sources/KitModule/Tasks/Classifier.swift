/// Tells what kind of text it is given. Share one among tasks: it is safe, and loading takes time.
public struct Classifier: Sendable {
    private let model: TextModel

    /// Opens the model; the first time on a device it is compiled, which takes seconds.
    public static func load(computeUnits: ComputeUnits = .all) async throws -> Classifier {
        Classifier(model: try await TextModel.load(computeUnits))
    }

    /// The probability of every label; together they are 1.
    ///
    /// - Parameter pair: the second text, for a model that was trained on two.
    public func classify(_ text: String, pair: String? = nil) async throws -> [Label: Float] {
        Dictionary(uniqueKeysWithValues: zip(Label.allCases, try await model.answer(text, pair: pair)))
    }

    /// The most probable labels, best first.
    public func top(
        _ count: Int = 1, of text: String, pair: String? = nil
    ) async throws -> [(label: Label, probability: Float)] {
        let ranked = zip(Label.allCases, try await model.answer(text, pair: pair)).sorted { $0.1 > $1.1 }
        return ranked.prefix(max(count, 0)).map { (label: $0.0, probability: $0.1) }
    }
}
