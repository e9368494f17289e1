import Foundation
import KitModule

typealias Measured = AudioModel

extension AudioModel {
    typealias Input = Tensor

    func prepare(_ sample: Sample) throws -> Tensor { try prepare(sample.clip) }
}

extension DeviceBenchmark {
    package static let option = "--samples"
    package static let usage = "--samples  sounds in a file like the package's samples.json, instead of it"
}

/// Sounds with the answers that were verified: what is timed, and what the device's answers are compared with.
package struct Sample: Sendable {
    package let rate: Int // Hz
    package let values: [Float] // of one channel
    package let output: [Float]? // none: the answer is not known

    package var clip: Clip {
        get throws { try Clip([values], rate: rate) }
    }

    /// The package's own, in the order they were recorded.
    package static func all() throws -> [Sample] { try own(file()) }

    package static func own(_ file: URL) throws -> [Sample] {
        let read: [Row] = try rows(file)
        return try read.map { row in
            guard let pcm = Data(base64Encoded: row.pcm) else { throw KitError.damagedFile(file.lastPathComponent) }
            let bytes = [UInt8](pcm)
            let values = stride(from: 0, to: bytes.count - 1, by: 2).map { place in
                Float(Int16(bitPattern: UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8)) / 32_768
            }
            return Sample(rate: row.rate, values: values, output: row.output)
        }
    }

    private struct Row: Decodable {
        let rate: Int
        let pcm: String // 16-bit, little-endian, in base64 (RFC 4648)
        let output: [Float]?
    }
}
