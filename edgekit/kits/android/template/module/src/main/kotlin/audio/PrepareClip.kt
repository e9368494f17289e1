package edgekit.kit

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.sin
import kotlin.math.sqrt

/**
 * What the model hears.
 *
 * @property rate Hz.
 * @property samples that the model reads.
 */
internal class Hearing(val rate: Int, val samples: Int)

/** The average of a frame's channels, in [-1, 1]. */
internal fun interface Mono {
    fun at(frame: Int): Double
}

private const val PERIODS = 10 // of the lower rate, on either side of the filter's middle
private const val BETA = 5.0 // of the Kaiser window
private const val HIGHEST_RATE = 384_000 // Hz

/**
 * A clip as the model reads it: resampled as scipy.signal.resample_poly does it, the middle cut out, zeros around.
 *
 * The filter is scipy's default: a sinc of ten periods of the lower rate on either side under a Kaiser window. Sums are
 * of 64 bits. Nothing outside the cut is computed. Keeps the filter of the last rate.
 */
internal class Resampler(private val hearing: Hearing) {
    @Volatile private var known: Filter? = null

    /** @throws IllegalArgumentException there is no frame, or the rate is none. */
    fun prepare(frames: Int, rate: Int, mono: Mono): FloatArray {
        require(frames > 0 && rate in 1..HIGHEST_RATE) { "$frames frames at $rate Hz are no clip." }
        val filter = known?.takeIf { it.rate == rate } ?: Filter(hearing.rate, rate).also { known = it }
        return filter.apply(frames, hearing.samples, mono)
    }
}

/** From its middle to its end; the other half is its mirror image. */
private class Filter(target: Int, val rate: Int) {
    private val divisor = greatestDivisor(target, rate)
    private val up = target / divisor
    private val down = rate / divisor
    private val taps = if (up == down) doubleArrayOf(1.0) else taps(up, down)
    private val half = taps.size - 1L

    fun apply(frames: Int, samples: Int, mono: Mono): FloatArray {
        val length = (frames.toLong() * up + down - 1) / down
        // Towards zero: a longer clip begins at the lower half, a shorter one has the lower half of zeros before.
        val first = (length - samples) / 2
        val begin = maxOf(first, 0)
        val end = minOf(first + samples, length)
        val low = firstFrame(begin * down - half)
        val averages = DoubleArray(endFrame((end - 1) * down + half, frames) - low) { mono.at(low + it) }
        val made = FloatArray(samples)
        for (place in begin until end) {
            val centre = place * down // in steps of the rate that both divide
            var sum = 0.0
            for (frame in firstFrame(centre - half) until endFrame(centre + half, frames)) {
                sum += taps[abs(centre - frame.toLong() * up).toInt()] * averages[frame - low]
            }
            made[(place - first).toInt()] = sum.toFloat()
        }
        return made
    }

    private fun firstFrame(place: Long): Int = maxOf(-Math.floorDiv(-place, up.toLong()), 0).toInt()

    private fun endFrame(place: Long, frames: Int): Int = minOf(place / up + 1, frames.toLong()).toInt()
}

private tailrec fun greatestDivisor(a: Int, b: Int): Int = if (b == 0) a else greatestDivisor(b, a % b)

private fun taps(up: Int, down: Int): DoubleArray {
    val widest = maxOf(up, down)
    val half = PERIODS * widest
    val made = DoubleArray(half + 1) { place ->
        val angle = PI * place / widest
        val share = place.toDouble() / half
        (if (place == 0) 1.0 else sin(angle) / angle) * besselI0(BETA * sqrt(1 - share * share))
    }
    val sum = 2 * made.sum() - made[0]
    return DoubleArray(made.size) { made[it] * up / sum }
}

/** The modified Bessel function of order 0: the sum of (x²/4)^k / (k!)². */
private fun besselI0(x: Double): Double {
    var sum = 1.0
    var term = 1.0
    var k = 1
    while (term > 1e-17 * sum) {
        val factor = x / (2 * k++)
        term *= factor * factor
        sum += term
    }
    return sum
}
