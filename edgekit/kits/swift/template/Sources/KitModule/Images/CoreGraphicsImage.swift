#if canImport(CoreGraphics)
import CoreGraphics

extension Pixels {
    /// The image's values as they are stored, without its colour profile, where its colours are red, green and blue;
    /// others, and those that need more than 8 bits, are converted to sRGB.
    ///
    /// A context multiplies colour by opacity, and what is transparent loses it.
    ///
    /// - Throws: `KitError.unreadableImage`: it can't be drawn.
    init(_ image: CGImage) throws {
        let (width, height) = (image.width, image.height)
        let own = image.colorSpace.flatMap { $0.model == .rgb && $0.supportsOutput ? $0 : nil }
        let spaces = [own, CGColorSpace(name: CGColorSpace.sRGB)].compactMap { $0 }
        var values = [UInt8](repeating: 0, count: 4 * width * height)
        let drawn = values.withUnsafeMutableBytes { bytes in
            for space in spaces {
                let context = CGContext(
                    data: bytes.baseAddress, width: width, height: height, bitsPerComponent: 8,
                    bytesPerRow: 4 * width, space: space, bitmapInfo: CGImageAlphaInfo.premultipliedLast.rawValue)
                guard let context else { continue }
                context.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
                return true
            }
            return false
        }
        if !drawn { throw KitError.unreadableImage(width: width, height: height) }
        for pixel in stride(from: 0, to: values.count, by: 4) {
            let opacity = Int(values[pixel + 3])
            if opacity == 0 || opacity == 255 { continue }
            for place in pixel..<pixel + 3 {
                values[place] = UInt8(min((Int(values[place]) * 255 + opacity / 2) / opacity, 255))
            }
        }
        try self.init(values, width: width, height: height)
    }
}

extension ImageClassifier {
    /// The probability of every label; together they are 1. The image may be of any size, and is upright: a `CGImage`
    /// doesn't know how its photo was held.
    ///
    /// - Throws: `KitError.unreadableImage`: it can't be drawn.
    public func classify(_ image: CGImage) async throws -> [Label: Float] {
        try await classify(Pixels(image))
    }

    /// The most probable labels, best first.
    public func top(_ count: Int = 1, of image: CGImage) async throws -> [(label: Label, probability: Float)] {
        try await top(count, of: Pixels(image))
    }
}
#endif
