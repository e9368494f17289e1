/// Writes text. Share one among tasks: it is safe, loading takes time, and it writes one text after the other.
///
/// ```swift
/// let generator = try await Generator.load()
/// for try await piece in generator.chat([Message(.user, "Why is the sky blue?")]) { print(piece, terminator: "") }
/// ```
public struct Generator: Sendable {
    private let tokenizer: Tokenizer
    private let tables: GenerationTables
    private let engine: DecoderEngine

    /// Opens the model; the first time on a device it is compiled, which takes seconds.
    public static func load(computeUnits: ComputeUnits = .all) async throws -> Generator {
        let tables = try GenerationTables(KitFiles.bytes("generation.txt"))
        let pieces = try Pieces(KitFiles.bytes("pieces.txt"))
        let engine = try await CompiledModel.open {
            try DecoderEngine(compiled: $0, units: computeUnits, tables: tables, pieces: pieces)
        }
        return Generator(tokenizer: try Tokenizer.load(), tables: tables, engine: engine)
    }

    /// Tokens that a text may have, prompt and answer together.
    public var context: Int { tables.context }

    /// Whether the model takes conversations.
    public var hasChat: Bool { !tables.chat.joints.isEmpty }

    /// Writes on after a text. To stop early, leave the loop or cancel the task that it runs in.
    ///
    /// - Parameter onEnd: called with the whole text, and with why it ended, before the stream finishes.
    /// - Returns: the text piece by piece, without half characters; ends with an error when the prompt is too long
    ///   or an option is out of range.
    public func generate(
        _ prompt: String, _ options: GenerationOptions = GenerationOptions(),
        onEnd: (@Sendable (Written) -> Void)? = nil
    ) -> AsyncThrowingStream<String, any Error> {
        stream(onEnd) { try await write(ids(prompt), options, tell: $0) }
    }

    /// Answers a conversation. Of one that goes on, only what is new is read.
    ///
    /// - Parameter onEnd: as for `generate`.
    /// - Returns: as `generate`; also ends with an error when the roles can't follow one another so.
    public func chat(
        _ messages: [Message], _ options: GenerationOptions = GenerationOptions(),
        onEnd: (@Sendable (Written) -> Void)? = nil
    ) -> AsyncThrowingStream<String, any Error> {
        stream(onEnd) { try await write(ids(messages), options, tell: $0) }
    }

    /// The whole text that goes on after a prompt.
    public func text(
        after prompt: String, _ options: GenerationOptions = GenerationOptions()
    ) async throws -> Written {
        try await write(ids(prompt), options) { _ in }
    }

    /// The whole answer to a conversation.
    public func reply(
        to messages: [Message], _ options: GenerationOptions = GenerationOptions()
    ) async throws -> Written {
        try await write(ids(messages), options) { _ in }
    }

    /// The tokens of a prompt, with what the model was trained to see around it.
    package func ids(_ prompt: String) -> [Int32] {
        tokenizer.single.flatMap { $0.kind == 0 ? [$0.id] : tokenizer.tokens(prompt).map(\.id) }
    }

    package func ids(_ messages: [Message]) throws -> [Int32] {
        tokenizer.tokens(try tables.chat.prompt(messages)).map(\.id)
    }

    package func write(
        _ prompt: [Int32], _ options: GenerationOptions, tell: @Sendable (String) -> Void
    ) async throws -> Written {
        try await engine.write(after: prompt, options, tell: tell)
    }

    package func time(_ prompt: [Int32], count: Int) async throws -> (first: UInt64, next: [UInt64]) {
        try await engine.time(prompt, count: count)
    }

    private func stream(
        _ onEnd: (@Sendable (Written) -> Void)?,
        _ write: @escaping @Sendable (@escaping @Sendable (String) -> Void) async throws -> Written
    ) -> AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    let made = try await write { continuation.yield($0) }
                    onEnd?(made)
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
