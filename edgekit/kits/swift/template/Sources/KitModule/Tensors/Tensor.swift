import CoreML

/// Numbers for one of the model's inputs.
package struct Tensor: ModelInput {
    let name: String
    let shape: [Int]
    let scalars: [Float]

    func features() -> [String: MLFeatureValue] {
        [name: MLFeatureValue(shapedArray: MLShapedArray<Float>(scalars: scalars, shape: shape))]
    }
}
