import Foundation

public enum MLMultiArrayDataType: Int, Sendable {
    case float16 = 0x10010, float32 = 0x10020, int32 = 0x20020

    var bytes: Int { self == .float16 ? 2 : 4 }
}

open class MLMultiArray {
    public let shape: [NSNumber]
    public let strides: [NSNumber]
    public let dataType: MLMultiArrayDataType
    private let storage: UnsafeMutableRawBufferPointer

    public convenience init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
        self.init(shape.map(\.intValue), dataType, padding: 0)
    }

    /// - Parameter padding: scalars after each row of the last dimension, as a device may leave them.
    init(_ shape: [Int], _ dataType: MLMultiArrayDataType, padding: Int) {
        var strides = [1]
        for (i, size) in shape.dropFirst().reversed().enumerated() {
            strides.insert(strides[0] * (size + (i == 0 ? padding : 0)), at: 0)
        }
        self.shape = shape.map { NSNumber(value: $0) }
        self.strides = strides.map { NSNumber(value: $0) }
        self.dataType = dataType
        storage = .allocate(byteCount: strides[0] * max(shape[0], 1) * dataType.bytes, alignment: 16)
        storage.initializeMemory(as: UInt8.self, repeating: 0x7e) // what nobody writes is not a number
    }

    deinit { storage.deallocate() }

    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(storage))
    }

    public func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer, [Int]) throws -> R
    ) rethrows -> R {
        try body(storage, strides.map(\.intValue))
    }
}
