package edgekit.kit

import kotlin.math.abs
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** The kit gives the tokens and the outputs that were verified in Python. Runs on the JVM; needs no device. */
class GoldenTest {
    @Test
    fun tokensAreEqual() {
        val tokenizer = Tokenizer.load(ASSETS)
        for (sample in SAMPLES + GOLDEN) {
            val tokens = tokenizer.encode(sample.text, sample.pair)
            for ((name, expected) in sample.inputs) {
                assertArrayEquals("$name of ${sample.text}", expected, tokens.input(name))
            }
        }
    }

    @Test
    fun outputsAreEqual() = Engine.open(ASSETS, Options(threads = 1)).use { engine ->
        var worst = 0f
        for (sample in SAMPLES) {
            val given = engine.run(engine.encode(sample.text, sample.pair)).values
            assertEquals(sample.output.size, given.size)
            worst = maxOf(worst, given.indices.maxOf { abs(given[it] - sample.output[it]) })
            assertTrue("$worst from the verified output of ${sample.text}", worst <= TOLERANCE)
        }
        println("largest difference of an output: $worst")
    }
}
