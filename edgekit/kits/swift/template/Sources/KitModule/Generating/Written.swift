/// A text that was written, and what it took.
public struct Written: Equatable, Sendable {
    public enum StopReason: String, Sendable {
        /// The model ended it.
        case stopToken
        /// One of `GenerationOptions.stop` came.
        case stopText
        /// `GenerationOptions.maxTokens` were written.
        case length
        /// The model holds no more tokens: the answer is cut off.
        case context
    }

    public internal(set) var text = ""
    /// A stop token included.
    public internal(set) var tokens: [Int32] = []
    public let promptTokens: Int
    /// Tokens of the prompt that were read before, as the beginning of the same conversation.
    public let reusedTokens: Int
    public internal(set) var stoppedBy = StopReason.length
    /// Until the first token was chosen: reading the prompt.
    public internal(set) var firstSeconds = 0.0
    /// For all tokens after it.
    public internal(set) var nextSeconds = 0.0

    init(promptTokens: Int, reusedTokens: Int) {
        self.promptTokens = promptTokens
        self.reusedTokens = reusedTokens
    }

    /// Of decoding alone; nil when fewer than two tokens came.
    public var tokensPerSecond: Double? {
        tokens.count > 1 && nextSeconds > 0 ? Double(tokens.count - 1) / nextSeconds : nil
    }
}
