/// How a text is written. The filters are applied in the order in which they stand here; the defaults are greedy.
public struct GenerationOptions: Hashable, Sendable {
    /// Tokens to write at most.
    public var maxTokens: Int
    /// Divides positive logits of tokens that the text has already, and multiplies negative ones; 1: none.
    public var repetitionPenalty: Double
    /// Of the softmax that is drawn from; 0 takes the likeliest token.
    public var temperature: Double
    /// As many of the likeliest tokens are drawn from; 0: all.
    public var topK: Int
    /// The fewest tokens with this much probability are drawn from.
    public var topP: Double
    /// Tokens with at least this share of the likeliest's probability are drawn from.
    public var minP: Double
    /// The same seed draws the same, on every platform that edgekit makes packages for; nil: another each time.
    public var seed: UInt64?
    /// Texts that end the output, and are not part of it.
    public var stop: [String]

    public init(
        maxTokens: Int = 128, repetitionPenalty: Double = 1, temperature: Double = 0, topK: Int = 0, topP: Double = 1,
        minP: Double = 0, seed: UInt64? = nil, stop: [String] = []
    ) {
        self.maxTokens = maxTokens
        self.repetitionPenalty = repetitionPenalty
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.seed = seed
        self.stop = stop
    }

    /// - Throws: `KitError.optionOutOfRange`, which names the first value that is.
    func check() throws {
        let wrong: [(Bool, String)] = [
            (maxTokens < 1, "maxTokens must be at least 1"),
            (!(repetitionPenalty > 0 && repetitionPenalty.isFinite), "repetitionPenalty must be above 0"),
            (!(temperature >= 0 && temperature.isFinite), "temperature must not be negative"),
            (topK < 0, "topK must not be negative"),
            (!(topP > 0 && topP <= 1), "topP must be above 0 and at most 1"),
            (!(minP >= 0 && minP <= 1), "minP must be 0 to 1"),
        ]
        if let rule = wrong.first(where: \.0)?.1 { throw KitError.optionOutOfRange(rule) }
    }
}
