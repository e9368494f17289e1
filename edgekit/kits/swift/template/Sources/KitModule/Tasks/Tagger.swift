/// A word and its tag; none for a word that was cut off, or of which the tokenizer keeps nothing.
public struct TaggedWord: Hashable, Sendable {
    public let word: String
    public let label: Tagger.Label?
}

/// Tags the words of a text. Share one among tasks: it is safe, and loading takes time.
public struct Tagger: Sendable {
    private let model: TextModel

    /// Opens the model; the first time on a device it is compiled, which takes seconds.
    public static func load(computeUnits: ComputeUnits = .all) async throws -> Tagger {
        Tagger(model: try await TextModel.load(computeUnits))
    }

    /// The words between white space, each with the tag of its first token.
    public func tag(_ text: String) async throws -> [TaggedWord] {
        let words = Self.words(text)
        let tokens = try model.encode(words.map { String($0) }.joined(separator: " "))
        let output = try await model.run(tokens)
        return zip(words, Self.firstTokens(words, tokens)).map { word, token in
            TaggedWord(word: String(word), label: token.flatMap { Self.best(output, row: $0) })
        }
    }

    static func words(_ text: String) -> [Substring.UnicodeScalarView] {
        text.unicodeScalars.split { whiteSpace.contains($0.value) }
    }

    /// For each word the first token that ends inside it; some tokenizers let a token begin at the space before.
    static func firstTokens(_ words: [Substring.UnicodeScalarView], _ tokens: Tokens) -> [Int?] {
        var owner: [Int?] = [] // of every scalar of the text
        for (number, word) in words.enumerated() {
            owner += [Int?](repeating: number, count: word.count)
            owner.append(nil)
        }
        var found = [Int?](repeating: nil, count: words.count)
        for (token, end) in tokens.ends.enumerated() where end > 0 { // 0: a special token
            if let word = owner[end - 1], found[word] == nil { found[word] = token }
        }
        return found
    }

    private static func best(_ output: [Float], row: Int) -> Label? {
        let width = KitInfo.labels.count
        let shares = output[row * width..<(row + 1) * width]
        return shares.indices.max { shares[$0] < shares[$1] }.flatMap { Label(rawValue: $0 - row * width) }
    }
}
