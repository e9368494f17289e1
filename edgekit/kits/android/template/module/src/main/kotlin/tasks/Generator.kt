package edgekit.kit

import kotlin.random.Random
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.FlowCollector
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/** Why a text ended. */
enum class Ending { STOP_TOKEN, STOP_TEXT, LENGTH, CONTEXT }

/**
 * What became of a text.
 *
 * @property reusedTokens of the prompt, those that were known from the text before.
 * @property firstNanos until the first token was chosen.
 * @property nextNanos for all tokens after it.
 */
class Written internal constructor(
    val ending: Ending,
    val promptTokens: Int,
    val reusedTokens: Int,
    val tokens: List<Int>,
    val firstNanos: Long,
    val nextNanos: Long,
)

/**
 * Writes text on the device, token by token. It writes one text at a time, and others wait; a text that begins like the
 * one before (a conversation that goes on) is not read anew. Close it when done.
 */
class Generator private constructor(
    private val tokenizer: Tokenizer,
    private val tables: GenerationTables,
    private val decoder: Decoder,
    private val options: Options,
) : AutoCloseable by decoder {
    private val turn = Mutex()

    /** The last text that came to its end. */
    @Volatile
    var last: Written? = null
        private set

    /** Tokens of prompt and answer together, at most. */
    val context: Int get() = tables.context

    /** Whether [chat] can be used. */
    val hasChat: Boolean get() = tables.chats

    /**
     * Writes on after a prompt, when the flow is collected; ending the collection ends it. Each piece is whole
     * characters; all pieces are the text.
     *
     * @param maxTokens tokens to write at most.
     * @param stop texts that end it, beside the model's own stop tokens; they are not part of it.
     * @throws IllegalArgumentException the prompt is empty or too long.
     * @throws IllegalStateException it is closed.
     */
    fun generate(
        prompt: String,
        maxTokens: Int = 128,
        sampling: Sampling = Sampling(),
        stop: List<String> = emptyList(),
    ): Flow<String> = written(maxTokens, sampling, stop) { tokens(prompt) }

    /**
     * Answers a conversation, which is put into the words that the model was trained on.
     *
     * @throws IllegalArgumentException as [generate], the model has no chat, or the roles can't follow one another so.
     */
    fun chat(
        messages: List<Message>,
        maxTokens: Int = 128,
        sampling: Sampling = Sampling(),
        stop: List<String> = emptyList(),
    ): Flow<String> = written(maxTokens, sampling, stop) { tokens(messages) }

    internal fun tokens(prompt: String): IntArray = tokenizer.encode(prompt).ids

    internal fun tokens(messages: List<Message>): IntArray = tokenizer.plain(tables.prompt(messages))

    internal fun written(
        maxTokens: Int, sampling: Sampling, stop: List<String> = emptyList(), prompt: () -> IntArray,
    ): Flow<String> = flow { turn.withLock { write(prompt(), maxTokens, sampling, stop) } }.flowOn(options.dispatcher)

    private suspend fun FlowCollector<String>.write(
        prompt: IntArray, maxTokens: Int, sampling: Sampling, stop: List<String>,
    ) {
        require(prompt.isNotEmpty()) { "The prompt is empty." }
        require(prompt.size < context) { "The prompt has ${prompt.size} tokens, and the model holds $context." }
        val most = minOf(maxTokens, context - prompt.size)
        val stream = PieceStream(tables, stop)
        val random = SplitMix(sampling.seed ?: Random.nextLong(1L shl 53))
        val reused = decoder.known(prompt)
        val tokens = ArrayList<Int>()
        val began = System.nanoTime()
        var first = began
        var ending = if (maxTokens <= context - prompt.size) Ending.LENGTH else Ending.CONTEXT
        while (tokens.size < most) {
            currentCoroutineContext().ensureActive()
            val text = prompt + tokens
            val token = choose(decoder.read(text, prompt.size + most), sampling, text, random)
            tokens.add(token)
            if (tokens.size == 1) first = System.nanoTime()
            if (token in tables.stop) {
                ending = Ending.STOP_TOKEN
                break
            }
            stream.add(token).let { if (it.isNotEmpty()) emit(it) }
            if (stream.stopped) break
        }
        stream.end().let { if (it.isNotEmpty()) emit(it) }
        if (stream.stopped) ending = Ending.STOP_TEXT
        last = Written(ending, prompt.size, reused, tokens, first - began, System.nanoTime() - first)
    }

    companion object {
        suspend fun load(assets: Assets, options: Options = Options()): Generator =
            withContext(options.dispatcher) {
                val tables = GenerationTables.read(assets)
                Generator(Tokenizer.load(assets), tables, Decoder(assets, options, tables), options)
            }
    }
}
