/// Gives a text a place among others. Share one among tasks: it is safe, and loading takes time.
public struct Embedder: Sendable {
    private let model: TextModel

    /// Opens the model; the first time on a device it is compiled, which takes seconds.
    public static func load(computeUnits: ComputeUnits = .all) async throws -> Embedder {
        Embedder(model: try await TextModel.load(computeUnits))
    }

    /// A vector of length 1: the dot product of two is their cosine.
    public func embed(_ text: String) async throws -> [Float] {
        try await model.answer(text, pair: nil)
    }

    /// How alike two texts are, −1…1.
    public func similarity(_ text: String, _ other: String) async throws -> Float {
        let (a, b) = (try await embed(text), try await embed(other))
        return zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }
}
