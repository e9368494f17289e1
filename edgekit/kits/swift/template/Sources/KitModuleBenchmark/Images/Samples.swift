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
        try read(file).samples.map { row in
            guard let rgb = Data(base64Encoded: row.rgb) else { throw KitError.damagedFile(file.lastPathComponent) }
            return Sample(width: row.width, height: row.height, rgb: [UInt8](rgb), output: row.output)
        }
    }

    /// Names of the classes, as the model knows them.
    package static func labels() throws -> [String] { try read(file()).model.labels }

    package static func file() throws -> URL {
        guard let url = Bundle.module.url(forResource: "samples", withExtension: "json") else {
            throw KitError.missingFile("samples.json")
        }
        return url
    }

    private static func read(_ file: URL) throws -> File {
        try JSONDecoder().decode(File.self, from: Data(contentsOf: file))
    }

    private struct File: Decodable {
        let model: Interface
        let samples: [Row]
    }

    private struct Interface: Decodable {
        let labels: [String]
    }

    private struct Row: Decodable {
        let width: Int
        let height: Int
        let rgb: String // base64, RFC 4648
        let output: [Float]?
    }
}
