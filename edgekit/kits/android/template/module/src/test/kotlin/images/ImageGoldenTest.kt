package edgekit.kit

import java.util.zip.CRC32
import kotlin.math.abs
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** The kit gives the pixels and the outputs that were verified in Python. Runs on the JVM; needs no device. */
class ImageGoldenTest {
    @Test
    fun pixelsAreEqual() {
        val golden = lines("golden.txt")
        for (line in golden) {
            val (width, height, edge, size) = line.take(4).map { it.toInt() }
            val (rgba, checksum, pixels) = line.drop(4)
            val image = argb(fromBase64(rgba), step = 4)
            val made = prepare(image, width, height, Preparation(size, edge))
            assertEquals("$width x $height", checksum.toLong(), CRC32().also { it.update(made) }.value)
            if (pixels != "-") assertArrayEquals(fromBase64(pixels), made)
        }
        println("golden images with equal pixels: ${golden.size}")
        assertTrue(golden.isNotEmpty())
    }

    @Test
    fun outputsAreEqual() = ImageEngine.open(ASSETS, Options(threads = 1)).use { engine ->
        var worst = 0f
        for (sample in SAMPLES) {
            val given = engine.run(sample.pixels, sample.width, sample.height)
            assertEquals(sample.output.size, given.size)
            worst = maxOf(worst, given.indices.maxOf { abs(given[it] - sample.output[it]) })
        }
        println("largest difference of an output: $worst")
        assertTrue("$worst from the verified outputs", worst <= TOLERANCE)
    }

    @Test
    fun whatIsNoImageIsRefused() {
        for ((width, height) in listOf(2 to 2, 0 to 0, -1 to -3)) {
            assertThrows(IllegalArgumentException::class.java) {
                prepare(IntArray(3), width, height, Preparation(8, 8))
            }
        }
    }
}
