/// Gives a text a number. Share one among tasks: it is safe, and loading takes time.
public struct Regressor: Sendable {
    private let model: TextModel

    /// Opens the model; the first time on a device it is compiled, which takes seconds.
    public static func load(computeUnits: ComputeUnits = .all) async throws -> Regressor {
        Regressor(model: try await TextModel.load(computeUnits))
    }

    /// The number, in the unit of the labels that the model was trained on.
    ///
    /// - Parameter pair: the second text, for a model that was trained on two.
    public func predict(_ text: String, pair: String? = nil) async throws -> Float {
        guard let value = try await model.answer(text, pair: pair).first else {
            throw KitError.noAnswer(output: KitInfo.output)
        }
        return value
    }
}
