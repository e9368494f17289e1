package edgekit.kit

import kotlin.math.exp

/** Logits to shares that add up to 1. */
internal fun softmax(logits: FloatArray): FloatArray {
    val highest = logits.max()
    val powers = FloatArray(logits.size) { exp(logits[it] - highest) }
    val sum = powers.sum()
    return FloatArray(powers.size) { powers[it] / sum }
}

/** Each logit to a probability of its own. */
internal fun sigmoid(logits: FloatArray): FloatArray = FloatArray(logits.size) { 1 / (1 + exp(-logits[it])) }

/** The place of the highest value; of equal ones, the first. */
internal fun argmax(values: FloatArray): Int = values.indices.maxBy { values[it] }
