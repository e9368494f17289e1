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

class AudioClassifierTest {
    @Test
    fun answersAreTheVerifiedProbabilities() = runBlocking {
        AudioClassifier.load(ASSETS).use { classifier ->
            for (sample in SAMPLES) {
                val answer = classifier.classify(sample.pcm, sample.rate)
                assertEquals(Label.entries, answer.keys.toList())
                val powers = sample.output.map { exp(it.toDouble() - sample.output.max()) }
                for ((label, share) in answer) {
                    assertTrue(abs(share - powers[label.ordinal] / powers.sum()) <= TOLERANCE)
                }
                val (best, probability) = classifier.top(sample.pcm, sample.rate).single()
                assertEquals(answer.values.max(), probability)
                assertEquals(answer[best], probability)
            }
        }
    }

    @Test
    fun floatsAndChannelsGiveTheSameAnswer() = runBlocking {
        AudioClassifier.load(ASSETS).use { classifier ->
            val sample = SAMPLES.first()
            val answer = classifier.classify(sample.pcm, sample.rate)
            val floats = FloatArray(2 * sample.pcm.size) { sample.pcm[it / 2] / 32_768f }
            assertEquals(answer, classifier.classify(floats, sample.rate, channels = 2))
            assertEquals(answer.maxBy { it.value }.toPair(), classifier.top(floats, sample.rate, channels = 2).single())
        }
    }

    @Test
    fun manyMayAskAtOnce() = runBlocking {
        AudioClassifier.load(ASSETS).use { classifier ->
            suspend fun ask(sample: Sample) = classifier.classify(sample.pcm, sample.rate)
            val alone = SAMPLES.map { ask(it) }
            assertEquals(alone, SAMPLES.map { async(Dispatchers.Default) { ask(it) } }.awaitAll())
        }
    }

    @Test
    fun aClosedOneRefuses() {
        val classifier = runBlocking { AudioClassifier.load(ASSETS) }
        classifier.close()
        classifier.close()
        assertThrows(IllegalStateException::class.java) { runBlocking { classifier.classify(ShortArray(4), 8000) } }
    }
}
