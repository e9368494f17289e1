import Foundation

/// Chooses the next token from logits.
struct Sampler {
    private let options: GenerationOptions
    private var random: SplitMix64

    init(_ options: GenerationOptions) {
        self.options = options
        random = SplitMix64(state: options.seed ?? .random(in: 0 ..< 1 << 53))
    }

    /// - Parameters:
    ///   - logits: of every token.
    ///   - seen: the tokens of the text so far, prompt included.
    /// - Throws: `KitError.noAnswer`: no logit is a number.
    mutating func choose(_ logits: [Float], seen: Set<Int32>) throws -> Int32 {
        var best = -Float.infinity
        for logit in logits where logit > best { best = logit } // a NaN is above nothing
        guard best.isFinite else { throw KitError.noAnswer(output: "finite logits") }
        if options.temperature == 0, options.repetitionPenalty == 1 { return Int32(logits.firstIndex(of: best)!) }
        let scores = penalized(logits, seen)
        if options.temperature == 0 { return Int32(scores.firstIndex(of: scores.max()!)!) }
        return Int32(draw(probabilities(scores)))
    }

    private func penalized(_ logits: [Float], _ seen: Set<Int32>) -> [Double] {
        var scores = logits.map { $0.isNaN ? -Double.infinity : Double($0) }
        guard options.repetitionPenalty != 1 else { return scores }
        for token in seen where scores.indices.contains(Int(token)) {
            let score = scores[Int(token)]
            scores[Int(token)] = score > 0 ? score / options.repetitionPenalty : score * options.repetitionPenalty
        }
        return scores
    }

    /// Of every token, not yet divided by their sum; 0 where a filter took one out.
    private func probabilities(_ scores: [Double]) -> [Double] {
        var scores = scores.map { $0 / options.temperature }
        if options.topK > 0, options.topK < scores.count {
            let least = Self.least(ofLargest: options.topK, scores)
            for i in scores.indices where scores[i] < least { scores[i] = -.infinity }
        }
        let best = scores.max()!
        var found = scores.map { exp($0 - best) }
        let sum = found.reduce(0, +)
        for i in found.indices { found[i] /= sum }
        if options.topP < 1 { keepLikeliest(&found) }
        if options.minP > 0 {
            let least = options.minP * found.max()!
            for i in found.indices where found[i] < least { found[i] = 0 }
        }
        return found
    }

    /// Few scores are ever among the largest so far: keeping those in order is quicker than sorting all.
    private static func least(ofLargest count: Int, _ scores: [Double]) -> Double {
        var largest: [Double] = [] // ascending
        for score in scores where largest.count < count || score > largest[0] {
            var low = 0, high = largest.count
            while low < high {
                let middle = (low + high) / 2
                if largest[middle] < score { low = middle + 1 } else { high = middle }
            }
            largest.insert(score, at: low)
            if largest.count > count { largest.removeFirst() }
        }
        return largest[0]
    }

    /// Nucleus sampling: a token stays while those before it, the likeliest first, have less than `topP` together.
    private func keepLikeliest(_ found: inout [Double]) {
        // Those below this share have less than 1 − topP together, so that all that stay are among the others.
        let share = (1 - options.topP) / Double(found.count) / 2
        let candidates = found.indices.filter { found[$0] > share }
            .sorted { (found[$1], $0) < (found[$0], $1) }
        var kept = [Double](repeating: 0, count: found.count)
        var before = 0.0
        for i in candidates {
            let sum = before + found[i]
            // As it is rounded where the sums are made first and each token's own is taken off again.
            if sum - found[i] < options.topP { kept[i] = found[i] }
            before = sum
        }
        found = kept
    }

    /// The first token at which the sum of the probabilities so far exceeds a random share of all.
    private mutating func draw(_ probabilities: [Double]) -> Int {
        let target = random.share() * probabilities.reduce(0, +)
        var sum = 0.0
        for (token, probability) in probabilities.enumerated() {
            sum += probability
            if sum > target { return token }
        }
        return probabilities.lastIndex { $0 > 0 }!
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct SplitMix64 {
    var state: UInt64

    /// A number from 0 up to, not including, 1: the upper 53 of the next 64 bits.
    mutating func share() -> Double {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return Double((bits ^ bits >> 31) >> 11) * 0x1p-53
    }
}
