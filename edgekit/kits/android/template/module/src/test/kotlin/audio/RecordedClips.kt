package edgekit.kit

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64

/** A clip of one channel with the output that was verified for it. */
internal class ClipSample(val rate: Int, val pcm: ShortArray, val output: FloatArray)

/** A line of `samples.txt` each: rate, 16-bit PCM in base64, and numbers with commas between. */
internal val SAMPLES: List<ClipSample> = lines("samples.txt").map { (rate, pcm, output) ->
    val values = bytesOf(pcm).asShortBuffer()
    val numbers = output.split(',').map { it.toFloat() }.toFloatArray()
    ClipSample(rate.toInt(), ShortArray(values.remaining()).also { values.get(it) }, numbers)
}

internal fun bytesOf(base64: String): ByteBuffer =
    ByteBuffer.wrap(Base64.getDecoder().decode(base64)).order(ByteOrder.LITTLE_ENDIAN)

/** The high halves of Marsaglia's xorshift32 (2003). */
internal fun noise(seed: Int, count: Int): ShortArray {
    var state = seed
    return ShortArray(count) {
        state = state xor (state shl 13)
        state = state xor (state ushr 17)
        state = state xor (state shl 5)
        (state shr 16).toShort()
    }
}
