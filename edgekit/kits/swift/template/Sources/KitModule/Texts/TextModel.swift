import CoreML

/// Text in, numbers out: what every task is made of.
package struct TextModel: Sendable {
    private let tokenizer: Tokenizer
    private let engine: Engine

    package static func load(_ units: ComputeUnits) async throws -> TextModel {
        let engine = try await Engine.load(units)
        return TextModel(tokenizer: try Tokenizer.load(), engine: engine)
    }

    package func encode(_ text: String, pair: String? = nil) throws -> Tokens {
        try tokenizer.encode(text, pair: pair)
    }

    /// The output's numbers, row after row; rows of padding are left out.
    package func run(_ tokens: Tokens) async throws -> [Float] {
        let output = try await engine.run(tokens)
        return KitInfo.perToken ? Array(output.prefix(tokens.count * KitInfo.labels.count)) : output
    }

    func answer(_ text: String, pair: String?) async throws -> [Float] {
        try await run(encode(text, pair: pair))
    }
}

extension Tokens: ModelInput {
    func features() -> [String: MLFeatureValue] {
        let width = KitInfo.lengths.first { $0 >= count } ?? count
        var features: [String: MLFeatureValue] = [:]
        for name in KitInfo.inputs {
            // The attention mask is padded with 0 like all else, so that what stands there is not read.
            let row = input(name) + [Int32](repeating: 0, count: width - count)
            features[name] = MLFeatureValue(shapedArray: MLShapedArray<Int32>(scalars: row, shape: [1, width]))
        }
        return features
    }
}
