package edgekit.kit

import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Test

class TaggerTest {
    @Test
    fun tagsAreTheVerifiedOnes() = runBlocking {
        Tagger.load(ASSETS).use { tagger ->
            for (sample in SAMPLES) {
                val tags = tagger.tag(sample.text).map { it.label?.ordinal ?: -1 }
                assertEquals(sample.text, sample.tags.asList(), tags)
            }
        }
    }
}
