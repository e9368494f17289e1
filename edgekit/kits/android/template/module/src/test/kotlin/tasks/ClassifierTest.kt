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

class ClassifierTest {
    @Test
    fun answersAreTheVerifiedProbabilities() = runBlocking {
        Classifier.load(ASSETS).use { classifier ->
            for (sample in SAMPLES) {
                val answer = classifier.classify(sample.text, sample.pair)
                assertEquals(Label.entries, answer.keys.toList())
                val powers = sample.output.map { exp(it.toDouble() - sample.output.max()) }
                for ((label, share) in answer) {
                    assertTrue(abs(share - powers[label.ordinal] / powers.sum()) <= TOLERANCE)
                }
                val (best, probability) = classifier.top(sample.text, sample.pair).single()
                assertEquals(answer.values.max(), probability)
                assertEquals(answer[best], probability)
            }
        }
    }

    @Test
    fun manyMayAskAtOnce() = runBlocking {
        Classifier.load(ASSETS).use { classifier ->
            val alone = SAMPLES.map { classifier.classify(it.text, it.pair) }
            val together = SAMPLES.map { async(Dispatchers.Default) { classifier.classify(it.text, it.pair) } }
            assertEquals(alone, together.awaitAll())
        }
    }

    @Test
    fun aClosedOneRefuses() {
        val classifier = runBlocking { Classifier.load(ASSETS) }
        classifier.close()
        classifier.close()
        assertThrows(IllegalStateException::class.java) { runBlocking { classifier.classify("a") } }
    }
}
