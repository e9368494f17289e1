package edgekit.kit

import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Test

class RegressorTest {
    @Test
    fun valuesAreTheVerifiedOnes() = runBlocking {
        Regressor.load(ASSETS).use { regressor ->
            for (sample in SAMPLES) {
                assertEquals(sample.output[0], regressor.predict(sample.text, sample.pair), TOLERANCE)
            }
        }
    }
}
