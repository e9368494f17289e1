package edgekit.kit

import java.util.Base64

/** An image with the output that was verified for it. */
internal class ImageSample(val pixels: IntArray, val width: Int, val height: Int, val output: FloatArray)

/** A line of `samples.txt` each: width, height, RGB in base64, and numbers with commas between. */
internal val SAMPLES: List<ImageSample> = lines("samples.txt").map { (width, height, rgb, output) ->
    val pixels = argb(Base64.getDecoder().decode(rgb), step = 3)
    ImageSample(pixels, width.toInt(), height.toInt(), output.split(',').map { it.toFloat() }.toFloatArray())
}

/** @param step values of a pixel: 3, or 4 with opacity. */
internal fun argb(bytes: ByteArray, step: Int): IntArray = IntArray(bytes.size / step) { i ->
    fun value(channel: Int) = bytes[i * step + channel].toInt() and 0xff
    (if (step == 4) value(3) else 0xff) shl 24 or (value(0) shl 16) or (value(1) shl 8) or value(2)
}
