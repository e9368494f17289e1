package edgekit.kit

import kotlin.math.abs
import kotlin.math.exp
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class MultiLabelClassifierTest {
    @Test
    fun answersAreTheVerifiedProbabilities() = runBlocking {
        Classifier.load(ASSETS).use { classifier ->
            for (sample in SAMPLES) {
                val answer = classifier.classify(sample.text, sample.pair)
                for ((label, share) in answer) {
                    assertTrue(abs(share - 1 / (1 + exp(-sample.output[label.ordinal]))) <= TOLERANCE)
                }
                assertEquals(answer.filterValues { it > 0.5f }.keys, classifier.labels(sample.text, sample.pair))
            }
        }
    }
}
