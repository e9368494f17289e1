import Foundation
import KitModule

typealias Measured = TextModel

extension TextModel {
    typealias Input = Tokens

    func prepare(_ sample: Sample) throws -> Tokens { try encode(sample.text, pair: sample.pair) }
}

extension DeviceBenchmark {
    package static let option = "--texts"
    package static let usage = "--texts    your own texts, one a line, instead of the package's"
}

/// Inputs with the answers that were verified: what is timed, and what the device's answers are compared with.
package struct Sample: Sendable {
    package let text: String
    package let pair: String?
    package let tokens: [String: [Int32]] // by the names of the model's inputs
    package let output: [Float]? // none: the answer is not known
    package let tags: [Int?]? // of every word, for a tagger

    /// The package's own, in the order they were recorded.
    package static func all() throws -> [Sample] {
        let read: [Row] = try rows(file())
        return try read.map { row in
            guard let text = unhex(row.text), let pair = row.pair.map(unhex) ?? .some(nil) else {
                throw KitError.damagedFile("samples.json")
            }
            return Sample(text: text, pair: pair, tokens: row.tokens, output: row.output, tags: row.tags)
        }
    }

    /// Texts of one's own, one a line.
    package static func own(_ file: URL) throws -> [Sample] {
        try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline)
            .map { Sample(text: String($0), pair: nil, tokens: [:], output: nil, tags: nil) }
    }

    private struct Row: Decodable {
        let text: String // UTF-8 as hex, so that no editor or tool on the way can change it
        let pair: String?
        let tokens: [String: [Int32]]
        let output: [Float]?
        let tags: [Int?]?
    }
}
