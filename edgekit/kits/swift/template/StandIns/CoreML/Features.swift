import Foundation

public protocol MLFeatureProvider: AnyObject {
    var featureNames: Set<String> { get }
    func featureValue(for featureName: String) -> MLFeatureValue?
}

open class MLDictionaryFeatureProvider: MLFeatureProvider {
    private let values: [String: MLFeatureValue]

    public init(dictionary: [String: Any]) throws {
        values = try dictionary.mapValues { value in
            guard let value = value as? MLFeatureValue else {
                throw MLModelError(reason: "a feature is no MLFeatureValue")
            }
            return value
        }
    }

    public var featureNames: Set<String> { Set(values.keys) }
    public func featureValue(for featureName: String) -> MLFeatureValue? { values[featureName] }
}

open class MLFeatureValue {
    private let shaped: Any?
    public let multiArrayValue: MLMultiArray?
    public let dictionaryValue: [AnyHashable: NSNumber]

    public init<Scalar: MLShapedArrayScalar>(shapedArray: MLShapedArray<Scalar>) {
        (shaped, multiArrayValue, dictionaryValue) = (shapedArray, nil, [:])
    }

    public init(multiArray value: MLMultiArray) {
        (shaped, multiArrayValue, dictionaryValue) = (nil, value, [:])
    }

    public init(dictionary: [AnyHashable: NSNumber]) throws {
        (shaped, multiArrayValue, dictionaryValue) = (nil, nil, dictionary)
    }

    public func shapedArrayValue<Scalar: MLShapedArrayScalar>(of type: Scalar.Type) -> MLShapedArray<Scalar>? {
        shaped as? MLShapedArray<Scalar>
    }
}

public protocol MLShapedArrayScalar: Sendable {}
extension Int32: MLShapedArrayScalar {}
extension Float: MLShapedArrayScalar {}

public struct MLShapedArray<Scalar: MLShapedArrayScalar>: Sendable {
    public let shape: [Int]
    public let scalars: [Scalar]

    public init(scalars: some Sequence<Scalar>, shape: [Int]) {
        self.scalars = Array(scalars)
        self.shape = shape
        precondition(self.scalars.count == shape.reduce(1, *), "the shape holds another number of scalars")
    }
}
