import CoreML
import Foundation

/// The open decoder with its caches, which are the model's state. A text is written from its beginning to its end
/// before the next one begins: they share the caches.
actor DecoderEngine {
    /// Tokens of a prompt that are read in one call: the logits of all of them come back.
    static let piece = 128

    private let model: MLModel
    private let state: MLState
    private let tables: GenerationTables
    private let pieces: Pieces
    private let ids: String // names of the inputs
    private let mask: String
    private var held: [Int32] = [] // tokens in the caches

    init(compiled: URL, units: ComputeUnits, tables: GenerationTables, pieces: Pieces) throws {
        let settings = MLModelConfiguration()
        settings.computeUnits = units.coreML
        model = try MLModel(contentsOf: compiled, configuration: settings)
        state = model.makeState()
        self.tables = tables
        self.pieces = pieces
        ids = try tables.input("ids")
        mask = try tables.input("causal_mask")
    }

    /// Writes on after a prompt. What the caches hold of its beginning is not read again.
    ///
    /// - Parameter tell: called with every piece of text as soon as it is certain.
    /// - Throws: `KitError` and Core ML's errors; `CancellationError` between two calls of the model.
    func write(
        after prompt: [Int32], _ options: GenerationOptions, tell: @Sendable (String) -> Void
    ) throws -> Written {
        try options.check()
        guard !prompt.isEmpty else { throw KitError.nothingToRead }
        let room = tables.context - prompt.count
        guard room > 0 else { throw KitError.textTooLong(tokens: prompt.count, context: tables.context) }
        let most = min(options.maxTokens, room)
        var sampler = Sampler(options)
        var stream = PieceStream(pieces, strip: tables.strip, stop: options.stop)
        var seen = Set(prompt)
        var made = Written(promptTokens: prompt.count, reusedTokens: reuse(prompt))
        made.stoppedBy = options.maxTokens <= room ? .length : .context

        func tellMore(_ text: String) {
            made.text += text
            if !text.isEmpty { tell(text) }
        }

        let started = DispatchTime.now().uptimeNanoseconds
        var first = started
        var logits = try read(prompt[made.reusedTokens...])
        while true {
            let token = try sampler.choose(logits, seen: seen)
            made.tokens.append(token)
            seen.insert(token)
            if made.tokens.count == 1 { first = DispatchTime.now().uptimeNanoseconds }
            if tables.stopTokens.contains(token) {
                made.stoppedBy = .stopToken
                break
            }
            tellMore(stream.add(token))
            if stream.isStopped || made.tokens.count == most { break }
            logits = try read([token])
        }
        tellMore(stream.end())
        if stream.isStopped { made.stoppedBy = .stopText }
        made.firstSeconds = Double(first - started) / 1e9
        made.nextSeconds = Double(DispatchTime.now().uptimeNanoseconds - first) / 1e9
        return made
    }

    /// Nanoseconds until the likeliest token after a prompt is known, and until each of `count` tokens after it is.
    func time(_ prompt: [Int32], count: Int) throws -> (first: UInt64, next: [UInt64]) {
        held = []
        var sampler = Sampler(GenerationOptions())
        var start = DispatchTime.now().uptimeNanoseconds
        func lap() -> UInt64 {
            let now = DispatchTime.now().uptimeNanoseconds
            defer { start = now }
            return now - start
        }
        var token = try sampler.choose(read(prompt[...]), seen: [])
        let first = lap()
        var next: [UInt64] = []
        for _ in 0..<count {
            token = try sampler.choose(read([token]), seen: [])
            next.append(lap())
        }
        return (first, next)
    }

    /// Keeps of the caches what begins a prompt too, all but its last token: that one's logits are needed.
    private func reuse(_ prompt: [Int32]) -> Int {
        let same = zip(held, prompt.dropLast()).prefix { $0 == $1 }.count
        held.removeLast(held.count - same)
        return same
    }

    /// Reads tokens after those in the caches.
    ///
    /// - Returns: the logits of what follows the last one.
    private func read(_ tokens: ArraySlice<Int32>) throws -> [Float] {
        var answer: MLMultiArray?
        var rest = tokens
        while !rest.isEmpty {
            try Task.checkCancellation()
            let part = Array(rest.prefix(Self.piece))
            rest = rest.dropFirst(part.count)
            let features = try features(part)
            // The states hold what a failed call has written; nobody reads it, since it isn't counted.
            answer = try model.prediction(from: features, using: state).featureValue(for: tables.logits)?
                .multiArrayValue
            held += part
        }
        guard let answer else { throw KitError.noAnswer(output: tables.logits) }
        return try lastRow(answer)
    }

    private func features(_ tokens: [Int32]) throws -> MLDictionaryFeatureProvider {
        let (past, end) = (held.count, held.count + tokens.count)
        let row = try MLMultiArray(shape: [1, NSNumber(value: tokens.count)], dataType: .int32)
        row.withUnsafeMutableBytes { bytes, strides in
            let places = bytes.bindMemory(to: Int32.self)
            for (i, token) in tokens.enumerated() { places[i * strides[1]] = token }
        }
        // Row i sees what is in the caches and the new tokens up to i.
        let seen = try MLMultiArray(
            shape: [1, 1, NSNumber(value: tokens.count), NSNumber(value: end)], dataType: .float16)
        seen.withUnsafeMutableBytes { bytes, strides in
            let places = bytes.bindMemory(to: UInt16.self)
            for i in tokens.indices {
                for j in 0..<end { places[i * strides[2] + j * strides[3]] = j <= past + i ? 0 : halfMasked }
            }
        }
        return try MLDictionaryFeatureProvider(dictionary: [
            ids: MLFeatureValue(multiArray: row), mask: MLFeatureValue(multiArray: seen),
        ])
    }

    /// Logits `[1, tokens, vocabulary]` in half precision → those of the last token.
    private func lastRow(_ logits: MLMultiArray) throws -> [Float] {
        let (shape, strides) = (logits.shape.map(\.intValue), logits.strides.map(\.intValue))
        guard logits.dataType == .float16, shape.count == 3, shape[1] > 0, shape[2] == tables.vocabulary else {
            throw KitError.noAnswer(output: "\(tables.logits) of \(tables.vocabulary) tokens")
        }
        let start = (shape[1] - 1) * strides[1]
        return logits.withUnsafeBytes { bytes in
            let numbers = bytes.bindMemory(to: UInt16.self)
            return (0..<shape[2]).map { Float(half: numbers[start + $0 * strides[2]]) }
        }
    }
}
