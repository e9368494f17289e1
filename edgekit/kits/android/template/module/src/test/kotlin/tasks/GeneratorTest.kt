package edgekit.kit

import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.AfterClass
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** The kit gives the tokens, texts and choices that were recorded in Python, and writes what the model wrote there. */
class GeneratorTest {
    @Test
    fun tokensAreEqual() {
        val alone = lines("golden.txt").map { it.split(' ') }.filter { it[1] == "-" }
        assertTrue(alone.isNotEmpty())
        for ((text, _, ids) in alone) assertArrayEquals(list(ids), MODEL.tokens(fromHex(text.drop(1).ifEmpty { "-" })))
    }

    @Test
    fun promptsAndConversationsGetTheirTokens() {
        for ((prompt, ids) in of("prompt")) assertArrayEquals(list(ids), MODEL.tokens(fromHex(prompt)))
        for ((said, ids) in of("chat")) {
            val turns = said.split(',').map { it.split(':') }.map { (role, content) ->
                Message(Role.valueOf(role.uppercase()), fromHex(content))
            }
            assertArrayEquals(list(ids), MODEL.tokens(turns))
        }
    }

    @Test
    fun tokensBecomeTextPieceByPiece() {
        val tables = GenerationTables.read(ASSETS)
        for ((stops, ids, texts) in of("stream")) {
            val stream = PieceStream(tables, if (stops == "-") emptyList() else stops.split(',').map(::fromHex))
            val made = list(ids).map { stream.add(it) } + stream.end()
            assertEquals(texts.split(',').map(::fromHex), made)
        }
    }

    @Test
    fun tokensAreChosenAsInPython() {
        for (words in of("choose")) {
            val (penalty, temperature, topK, topP, minP) = words
            val (seed, seen, logits, ids) = words.drop(5)
            val sampling = Sampling(
                penalty.toDouble(), temperature.toDouble(), topK.toInt(), topP.toDouble(), minP.toDouble(), seed.toLong(),
            )
            val random = SplitMix(seed.toLong())
            val row = logits.split(',').map { it.toFloat() }.toFloatArray()
            assertArrayEquals(list(ids), IntArray(list(ids).size) { choose(row, sampling, list(seen), random) })
        }
    }

    @Test
    fun theModelWritesOnAsInPython() {
        val model = runBlocking { Generator.load(ASSETS, Options(threads = 1)) } // that has read nothing yet
        var same = 0
        for ((ids, margins, prompt) in of("greedy")) {
            val expected = list(ids)
            all(model.written(expected.size, Sampling()) { list(prompt) })
            val tokens = model.last!!.tokens
            val different = expected.indices.firstOrNull { expected[it] != tokens.getOrNull(it) }
            if (different == null) same++ else assertTrue(prompt, margins.split(',')[different].toFloat() < CLOSE)
        }
        model.close()
        println("continuations as in Python: $same of ${of("greedy").size}")
    }

    @Test
    fun aTextThatBeginsLikeTheLastOneIsReadFromThere() {
        val prompt = list(of("greedy")[0][2])
        all(MODEL.written(4, Sampling()) { prompt })
        all(MODEL.written(4, Sampling()) { prompt + prompt })
        val again = MODEL.last!!
        val alone = runBlocking { Generator.load(ASSETS, Options(threads = 1)) }
        alone.use { all(it.written(4, Sampling()) { prompt + prompt }) }
        assertTrue(again.reusedTokens >= prompt.size && alone.last!!.reusedTokens == 0)
        assertEquals(alone.last!!.tokens[0], again.tokens[0])
    }

    @Test
    fun itCanBeLeftAndSeededAndWritesOneTextAtATime() = runBlocking {
        val prompt = fromHex(of("prompt")[0][0])
        assertTrue(MODEL.generate(prompt, maxTokens = 50).first().isNotEmpty())
        val drawn = MODEL.generate(prompt, maxTokens = 8, sampling = Sampling(temperature = 1.0, topK = 40, seed = 7))
        val (one, other) = List(2) { async { drawn.toList() } }.awaitAll()
        assertEquals(one, other)
    }

    @Test
    fun whatCanNotBeIsRefused() {
        assertThrows(IllegalArgumentException::class.java) { all(MODEL.generate("")) }
        assertThrows(IllegalArgumentException::class.java) {
            all(MODEL.written(1, Sampling()) { IntArray(MODEL.context) { 1 } })
        }
        assertThrows(IllegalArgumentException::class.java) { Sampling(topP = 2.0) }
        assertThrows(IllegalArgumentException::class.java) { all(MODEL.chat(listOf(Message(Role.ASSISTANT, "a")))) }
        val other = runBlocking { Generator.load(ASSETS, Options(threads = 1)) }
        other.close()
        other.close()
        assertThrows(IllegalStateException::class.java) { all(other.generate("a")) }
    }

    companion object {
        /** Logits between two tokens that another processor's rounding may turn round. */
        private const val CLOSE = 0.5f
        private val MODEL by lazy { runBlocking { Generator.load(ASSETS, Options(threads = 1)) } }
        private val VECTORS = lines("generation-golden.txt").map { it.split(' ') }

        @JvmStatic
        @AfterClass
        fun close() = MODEL.close()

        private fun of(kind: String) = VECTORS.filter { it[0] == kind }.map { it.drop(1) }

        private fun list(word: String) = if (word == "-") IntArray(0) else ints(word, separator = ',')

        private fun lines(name: String) = resource(name).bufferedReader().use { it.readText() }.split('\n').dropLast(1)

        private fun all(text: Flow<String>) = runBlocking { text.toList() }.joinToString("")
    }
}
