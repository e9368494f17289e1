/// Tells what an image shows. Share one among tasks: it is safe, and loading takes time.
public struct ImageClassifier: Sendable {
    private let model: ImageModel

    /// Opens the model; the first time on a device it is compiled, which takes seconds.
    public static func load(computeUnits: ComputeUnits = .all) async throws -> ImageClassifier {
        ImageClassifier(model: try await ImageModel.load(computeUnits))
    }

    /// The probability of every label; together they are 1. The image may be of any size, and is upright.
    ///
    /// - Parameter pixels: red, green, blue of every pixel, row after row; or with opacity, which is left out: colours
    ///   are not multiplied by it.
    /// - Throws: `KitError.noImage`: there are not as many values as the sizes say.
    public func classify(pixels: [UInt8], width: Int, height: Int) async throws -> [Label: Float] {
        try await classify(Pixels(pixels, width: width, height: height))
    }

    /// The most probable labels, best first.
    public func top(
        _ count: Int = 1, pixels: [UInt8], width: Int, height: Int
    ) async throws -> [(label: Label, probability: Float)] {
        try await top(count, of: Pixels(pixels, width: width, height: height))
    }

    func classify(_ image: Pixels) async throws -> [Label: Float] {
        Dictionary(uniqueKeysWithValues: zip(Label.allCases, try await model.answer(image)))
    }

    func top(_ count: Int, of image: Pixels) async throws -> [(label: Label, probability: Float)] {
        let ranked = zip(Label.allCases, try await model.answer(image)).sorted { $0.1 > $1.1 }
        return ranked.prefix(max(count, 0)).map { (label: $0.0, probability: $0.1) }
    }
}
