package edgekit.kit

import kotlinx.coroutines.withContext

/** Text in, numbers out, off the caller's thread: what every task is made of. */
internal class Engine private constructor(
    private val tokenizer: Tokenizer,
    private val model: Model,
    private val options: Options,
) : AutoCloseable by model {

    fun encode(text: String, pair: String?): Tokens = tokenizer.encode(text, pair)

    fun run(tokens: Tokens): Output = model.run(tokens)

    suspend fun <T> answer(text: String, pair: String?, read: (Output, Tokens) -> T): T =
        withContext(options.dispatcher) {
            val tokens = encode(text, pair)
            read(run(tokens), tokens)
        }

    companion object {
        suspend fun load(assets: Assets, options: Options): Engine = withContext(options.dispatcher) {
            open(assets, options)
        }

        /** Blocks: for tests and measuring. */
        fun open(assets: Assets, options: Options) = Engine(Tokenizer.load(assets), Model(assets, options), options)
    }
}
