package edgekit.kit

import kotlin.math.abs
import kotlin.math.exp
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class ImageClassifierTest {
    @Test
    fun answersAreTheVerifiedProbabilities() = runBlocking {
        ImageClassifier.load(ASSETS).use { classifier ->
            for (sample in SAMPLES) {
                val answer = classifier.classify(sample.pixels, sample.width, sample.height)
                assertEquals(Label.entries, answer.keys.toList())
                val powers = sample.output.map { exp(it.toDouble() - sample.output.max()) }
                for ((label, share) in answer) {
                    assertTrue(abs(share - powers[label.ordinal] / powers.sum()) <= TOLERANCE)
                }
                val (best, probability) = classifier.top(sample.pixels, sample.width, sample.height).single()
                assertEquals(answer.values.max(), probability)
                assertEquals(answer[best], probability)
            }
        }
    }

    @Test
    fun manyMayAskAtOnce() = runBlocking {
        ImageClassifier.load(ASSETS).use { classifier ->
            suspend fun ask(sample: Sample) = classifier.classify(sample.pixels, sample.width, sample.height)
            val alone = SAMPLES.map { ask(it) }
            assertEquals(alone, SAMPLES.map { async(Dispatchers.Default) { ask(it) } }.awaitAll())
        }
    }

    @Test
    fun aClosedOneRefuses() {
        val classifier = runBlocking { ImageClassifier.load(ASSETS) }
        classifier.close()
        classifier.close()
        assertThrows(IllegalStateException::class.java) { runBlocking { classifier.classify(IntArray(4), 2, 2) } }
    }
}
