/// A tensor of float32, told from others without keeping it.
struct Fingerprint: Decodable, Equatable {
    let shape: [Int]
    let adler32: UInt32 // of its values in little-endian bytes, row after row; RFC 1950

    init(_ tensor: MLShapedArray<Float>) {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for scalar in tensor.scalars {
            withUnsafeBytes(of: scalar.bitPattern.littleEndian) { bytes in
                for byte in bytes {
                    a = (a + UInt32(byte)) % 65521
                    b = (b + a) % 65521
                }
            }
        }
        (shape, adler32) = (tensor.shape, b << 16 | a)
    }
}
