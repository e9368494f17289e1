import Foundation
import KitModule

typealias Measured = ImageModel

extension ImageModel {
    typealias Input = Tensor

    func prepare(_ sample: Sample) throws -> Tensor { try prepare(sample.image) }
}

extension DeviceBenchmark {
    package static let option = "--samples"
    package static let usage = "--samples  images in a file like the package's samples.json, instead of it"
}

/// Images with the answers that were verified: what is timed, and what the device's answers are compared with.
package struct Sample: Sendable {
    package let width: Int // pixels
    package let height: Int
    package let rgb: [UInt8]
    package let output: [Float]? // none: the answer is not known

    package var image: Pixels {
        get throws { try Pixels(rgb, width: width, height: height) }
    }

    /// The package's own, in the order they were recorded.
    package static func all() throws -> [Sample] { try own(file()) }

    package static func own(_ file: URL) throws -> [Sample] {
        let read: [Row] = try rows(file)
        return try read.map { row in
            guard let rgb = Data(base64Encoded: row.rgb) else { throw KitError.damagedFile(file.lastPathComponent) }
            return Sample(width: row.width, height: row.height, rgb: [UInt8](rgb), output: row.output)
        }
    }

    private struct Row: Decodable {
        let width: Int
        let height: Int
        let rgb: String // base64, RFC 4648
        let output: [Float]?
    }
}
