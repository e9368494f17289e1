package edgekit.kit

import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test

class EmbedderTest {
    @Test
    fun vectorsAreTheVerifiedOnes() = runBlocking {
        Embedder.load(ASSETS).use { embedder ->
            for (sample in SAMPLES) {
                assertArrayEquals(sample.output, embedder.embed(sample.text), TOLERANCE)
                assertEquals(1f, embedder.similarity(sample.text, sample.text), TOLERANCE)
            }
        }
    }
}
