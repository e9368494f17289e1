/// Text in, numbers out: what every task is made of.
package struct TextModel: Sendable {
    private let tokenizer: Tokenizer
    private let engine: Engine

    package static func load(_ units: ComputeUnits) async throws -> TextModel {
        let engine = try await CompiledModel.open { try Engine(compiled: $0, units: units) }
        return TextModel(tokenizer: try Tokenizer.load(), engine: engine)
    }

    package func encode(_ text: String, pair: String? = nil) throws -> Tokens {
        try tokenizer.encode(text, pair: pair)
    }

    package func run(_ tokens: Tokens) async throws -> [Float] {
        try await engine.run(tokens)
    }

    func answer(_ text: String, pair: String?) async throws -> [Float] {
        try await run(encode(text, pair: pair))
    }
}
