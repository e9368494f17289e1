package edgekit.kit

import kotlin.math.abs

/**
 * How an image becomes what the model reads, in pixels.
 *
 * @property size side of the square that the model reads.
 * @property shortestEdge what the shorter side is brought to before the middle is cut out.
 */
internal class Preparation(val size: Int, val shortestEdge: Int)

/** Of a place: the first source place, and the weights from there on; none of a place outside the image. */
private class Taps(val first: Int, val weights: IntArray) {
    val end: Int get() = first + weights.size
}

private const val PRECISION_BITS = 32 - 8 - 2
private val SHIFTS = intArrayOf(16, 8, 0) // red, green, blue

/**
 * Red, green and blue planes of size × size, 0 to 255; black where the cut is larger than the image.
 *
 * The filter is Pillow's bilinear one (src/libImaging/Resample.c): weights are rounded to 22 bits, rows are resized
 * first and rounded to 8 bits, then columns. Pixels are those of Python to the last bit. Nothing outside the cut is
 * computed.
 *
 * @param pixels ARGB, row after row; opacity is left out.
 * @throws IllegalArgumentException there are not width × height pixels.
 */
internal fun prepare(pixels: IntArray, width: Int, height: Int, preparation: Preparation): ByteArray {
    require(width > 0 && height > 0 && pixels.size.toLong() == width.toLong() * height) {
        "${pixels.size} pixels are no image of $width x $height."
    }
    val size = preparation.size
    val short = minOf(width, height)
    val columns = cut(width, (width.toLong() * preparation.shortestEdge / short).toInt(), size)
    val rows = cut(height, (height.toLong() * preparation.shortestEdge / short).toInt(), size)
    val used = rows.filter { it.weights.isNotEmpty() }
    val top = used.minOf { it.first }
    val bottom = used.maxOf { it.end }
    val plane = IntArray((bottom - top) * size)
    val made = ByteArray(SHIFTS.size * size * size)
    for ((channel, shift) in SHIFTS.withIndex()) {
        for (y in top until bottom) {
            for ((x, taps) in columns.withIndex()) {
                plane[(y - top) * size + x] = weighted(pixels, y * width + taps.first, 1, shift, taps.weights)
            }
        }
        for ((y, taps) in rows.withIndex()) {
            for (x in 0 until size) {
                val value = weighted(plane, (taps.first - top) * size + x, size, 0, taps.weights)
                made[(channel * size + y) * size + x] = value.toByte()
            }
        }
    }
    return made
}

/** The taps of the middle [size] places, when [source] places become [target]. */
private fun cut(source: Int, target: Int, size: Int): List<Taps> {
    val first = (target - size) shr 1 // rounded down, below 0 too
    return List(size) { i ->
        val place = first + i
        if (place in 0 until target) taps(source, target, place) else Taps(0, IntArray(0))
    }
}

/** In Pillow's order of operations. */
private fun taps(source: Int, target: Int, place: Int): Taps {
    val scale = source.toDouble() / target
    val support = maxOf(scale, 1.0) // of a triangle filter: half its width
    val centre = (place + 0.5) * scale
    val begin = maxOf((centre - support + 0.5).toInt(), 0)
    val end = minOf((centre + support + 0.5).toInt(), source)
    val narrowing = 1.0 / support
    val weights = DoubleArray(end - begin) { maxOf(0.0, 1.0 - abs((begin + it - centre + 0.5) * narrowing)) }
    var total = 0.0
    for (weight in weights) total += weight
    return Taps(begin, IntArray(weights.size) { (0.5 + weights[it] / total * (1 shl PRECISION_BITS)).toInt() })
}

/** Of the eight bits from [shift] on; rounded, and cut off at 255. */
private fun weighted(values: IntArray, first: Int, step: Int, shift: Int, weights: IntArray): Int {
    var total = 1 shl (PRECISION_BITS - 1)
    var at = first
    for (weight in weights) {
        total += (values[at] shr shift and 0xff) * weight
        at += step
    }
    return minOf(total shr PRECISION_BITS, 255)
}
