/// Image in, numbers out.
package struct ImageModel: Sendable {
    private let engine: Engine

    package static func load(_ units: ComputeUnits) async throws -> ImageModel {
        ImageModel(engine: try await Engine.load(units))
    }

    /// The pixels as the model reads them.
    package func prepare(_ image: Pixels) -> Tensor {
        let preparation = Preparation(size: KitInfo.imageSize, shortestEdge: KitInfo.shortestEdge)
        let pixels = planes(of: image, by: preparation)
        let shape = [1, 3, preparation.size, preparation.size]
        return Tensor(name: KitInfo.inputs[0], shape: shape, scalars: pixels.map { Float($0) })
    }

    package func run(_ tensor: Tensor) async throws -> [Float] {
        try await engine.run(tensor)
    }

    func answer(_ image: Pixels) async throws -> [Float] {
        try await run(prepare(image))
    }
}
