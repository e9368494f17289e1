package edgekit.kit

import java.io.InputStream
import kotlin.io.encoding.Base64
import kotlin.io.encoding.ExperimentalEncodingApi

/**
 * An image with the output that was verified for it.
 *
 * @property pixels ARGB, row after row.
 */
internal class Sample(val pixels: IntArray, val width: Int, val height: Int, val output: FloatArray)

/** Reads `samples.txt`, an image a line: width, height, RGB in base64, and numbers with commas between. */
internal fun readSamples(stream: InputStream): List<Sample> =
    stream.bufferedReader().use { it.readLines() }.map { line ->
        val (width, height, rgb, output) = line.split(' ')
        val numbers = output.split(',').map { it.toFloat() }.toFloatArray()
        Sample(argb(fromBase64(rgb), step = 3), width.toInt(), height.toInt(), numbers)
    }

/** @param step values of a pixel: 3, or 4 with opacity. */
internal fun argb(bytes: ByteArray, step: Int): IntArray = IntArray(bytes.size / step) { i ->
    fun value(channel: Int) = bytes[i * step + channel].toInt() and 0xff
    (if (step == 4) value(3) else 0xff) shl 24 or (value(0) shl 16) or (value(1) shl 8) or value(2)
}

/** Kotlin's own: Java's is not in Android 7. */
@OptIn(ExperimentalEncodingApi::class)
internal fun fromBase64(text: String): ByteArray = Base64.decode(text)
