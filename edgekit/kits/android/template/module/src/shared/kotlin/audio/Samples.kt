package edgekit.kit

import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * A clip of one channel with the output that was verified for it.
 *
 * @property rate Hz.
 * @property pcm of 16 bits.
 */
internal class Sample(val rate: Int, val pcm: ShortArray, val output: FloatArray)

/** Reads `samples.txt`, a clip a line: rate, 16-bit PCM in base64, and numbers with commas between. */
internal fun readSamples(stream: InputStream): List<Sample> =
    stream.bufferedReader().use { it.readLines() }.map { line ->
        val (rate, pcm, output) = line.split(' ')
        val values = littleEndian(pcm).asShortBuffer()
        val numbers = output.split(',').map { it.toFloat() }.toFloatArray()
        Sample(rate.toInt(), ShortArray(values.remaining()).also { values.get(it) }, numbers)
    }

/** Bytes in base64. */
internal fun littleEndian(text: String): ByteBuffer = ByteBuffer.wrap(fromBase64(text)).order(ByteOrder.LITTLE_ENDIAN)
