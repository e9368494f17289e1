package edgekit.kit

import kotlin.math.exp

/**
 * How the next token is chosen: the filters of `edgekit generate`, in the same order. The defaults take the likeliest
 * token each time.
 *
 * @property repetitionPenalty divides positive logits of tokens that came before, and multiplies negative ones.
 * @property temperature of the softmax; 0 takes the likeliest.
 * @property topK the likeliest tokens to draw from; 0: all.
 * @property topP draws from the fewest tokens that have this much probability together; 1: all.
 * @property minP draws from tokens that have at least this share of the likeliest one's probability; 0: all.
 * @property seed the same one draws the same tokens; null draws anew each time.
 */
class Sampling(
    val repetitionPenalty: Double = 1.0,
    val temperature: Double = 0.0,
    val topK: Int = 0,
    val topP: Double = 1.0,
    val minP: Double = 0.0,
    val seed: Long? = null,
) {
    init {
        require(repetitionPenalty > 0) { "repetitionPenalty must be above 0." }
        require(temperature >= 0) { "temperature must not be negative." }
        require(topK >= 0) { "topK must not be negative." }
        require(topP > 0 && topP <= 1) { "topP must be above 0 and at most 1." }
        require(minP in 0.0..1.0) { "minP must be 0 to 1." }
        require(seed == null || seed in 0 until (1L shl 53)) { "seed must be from 0 to 2^53 - 1." }
    }
}

/** SplitMix64: every kit draws the same numbers for a seed. */
internal class SplitMix(seed: Long) {
    private var state = seed.toULong()

    /** From 0 up to, not including, 1. */
    fun next(): Double {
        state += 0x9e3779b97f4a7c15UL
        var z = state
        z = (z xor (z shr 30)) * 0xbf58476d1ce4e5b9UL
        z = (z xor (z shr 27)) * 0x94d049bb133111ebUL
        return ((z xor (z shr 31)) shr 11).toLong().toDouble() / (1L shl 53)
    }
}

/**
 * The next token.
 *
 * @param seen the tokens so far, prompt included.
 */
internal fun choose(logits: FloatArray, sampling: Sampling, seen: IntArray, random: SplitMix): Int {
    val scores = DoubleArray(logits.size) { logits[it].toDouble() }
    if (sampling.repetitionPenalty != 1.0) {
        for (token in seen.toSet()) {
            val score = scores[token]
            scores[token] = if (score > 0) score / sampling.repetitionPenalty else score * sampling.repetitionPenalty
        }
    }
    if (sampling.temperature == 0.0) return highest(scores)
    for (i in scores.indices) scores[i] /= sampling.temperature
    if (sampling.topK in 1 until scores.size) {
        val least = scores.sortedArray()[scores.size - sampling.topK]
        for (i in scores.indices) if (scores[i] < least) scores[i] = Double.NEGATIVE_INFINITY
    }
    val shares = softmax(scores)
    if (sampling.topP < 1) keepMass(shares, sampling.topP)
    if (sampling.minP > 0) {
        val least = sampling.minP * shares[highest(shares)]
        for (i in shares.indices) if (shares[i] < least) shares[i] = 0.0
    }
    return draw(shares, random.next())
}

private fun softmax(scores: DoubleArray): DoubleArray {
    val most = scores[highest(scores)]
    val powers = DoubleArray(scores.size) { exp(scores[it] - most) }
    val sum = powers.sum()
    return DoubleArray(powers.size) { powers[it] / sum }
}

/** Keeps the likeliest tokens until those before have [mass] together; of equal ones the first. */
private fun keepMass(shares: DoubleArray, mass: Double) {
    val sorted = shares.sortedArrayDescending()
    var kept = 0
    var sum = 0.0
    while (kept < sorted.size) {
        sum += sorted[kept]
        if (sum - sorted[kept] >= mass) break
        kept++
    }
    val least = sorted[kept - 1]
    var equal = kept - sorted.indexOfFirst { it == least } // as many of these stay
    for (i in shares.indices) if (shares[i] < least || (shares[i] == least && equal-- <= 0)) shares[i] = 0.0
}

/** The first place at which the sum so far exceeds this part of the whole. */
private fun draw(shares: DoubleArray, part: Double): Int {
    val whole = shares.sum()
    var sum = 0.0
    var last = 0
    for (i in shares.indices) {
        if (shares[i] == 0.0) continue
        sum += shares[i]
        last = i
        if (sum > part * whole) break
    }
    return last
}

/** Of equal ones, the first. */
private fun highest(values: DoubleArray): Int {
    var best = 0
    for (i in values.indices) if (values[i] > values[best]) best = i
    return best
}
