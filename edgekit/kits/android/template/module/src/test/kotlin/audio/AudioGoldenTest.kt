package edgekit.kit

import kotlin.math.abs
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** Of sums of floating-point numbers in another order. */
private const val CLOSE = 1e-6f

/** The kit gives the samples and the outputs that were verified in Python. Runs on the JVM; needs no device. */
class AudioGoldenTest {
    @Test
    fun samplesAreEqual() {
        val golden = lines("golden.txt")
        var worst = 0f
        for (line in golden) {
            val (seed, channels, frames, rate) = line.take(4).map { it.toInt() }
            val (target, count, step) = line.subList(4, 7).map { it.toInt() }
            val values = littleEndian(line[7]).asFloatBuffer()
            val pcm = noise(seed, channels * frames)
            val resampler = Resampler(Hearing(target, count))
            val made = resampler.prepare(frames, rate, monoOf(pcm, channels))
            assertEquals(count, made.size)
            assertEquals((count + step - 1) / step, values.remaining())
            for (i in 0 until values.remaining()) worst = maxOf(worst, abs(made[i * step] - values.get(i)))
            assertTrue("$worst in $seed $channels $frames $rate $target $count", worst <= CLOSE)
            val floats = FloatArray(pcm.size) { pcm[it] / 32_768f }
            assertArrayEquals(made, resampler.prepare(frames, rate, monoOf(floats, channels)), 0f)
        }
        println("golden clips: ${golden.size}, largest difference of a sample: $worst")
        assertTrue(golden.isNotEmpty())
    }

    @Test
    fun outputsAreEqual() = AudioEngine.open(ASSETS, Options(threads = 1)).use { engine ->
        var worst = 0f
        for (sample in SAMPLES) {
            val given = engine.run(sample.pcm.size, sample.rate, monoOf(sample.pcm, 1))
            assertEquals(sample.output.size, given.size)
            worst = maxOf(worst, given.indices.maxOf { abs(given[it] - sample.output[it]) })
        }
        println("largest difference of an output: $worst")
        assertTrue("$worst from the verified outputs", worst <= TOLERANCE)
    }

    @Test
    fun whatIsNoClipIsRefused() {
        val resampler = Resampler(Hearing(8000, 10))
        for ((frames, rate) in listOf(0 to 8000, 1 to 0, 1 to -8000, 1 to 1_000_000)) {
            assertThrows(IllegalArgumentException::class.java) { resampler.prepare(frames, rate) { 0.0 } }
        }
        for (channels in listOf(0, -1, 2)) {
            assertThrows(IllegalArgumentException::class.java) { framesOf(3, channels) }
        }
    }
}
