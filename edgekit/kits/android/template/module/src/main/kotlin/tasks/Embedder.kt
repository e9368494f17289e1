package edgekit.kit

/** Gives a text a place among others. Safe to share between coroutines; close it when done. */
class Embedder private constructor(private val engine: Engine) : AutoCloseable by engine {

    /**
     * A vector of length 1: the dot product of two is their cosine.
     *
     * @throws IllegalStateException it is closed.
     */
    suspend fun embed(text: String): FloatArray = engine.answer(text, null) { output, _ -> output.row(0) }

    /** How alike two texts are, −1…1. */
    suspend fun similarity(text: String, other: String): Float {
        val (a, b) = embed(text) to embed(other)
        return a.indices.sumOf { (a[it] * b[it]).toDouble() }.toFloat()
    }

    companion object {
        suspend fun load(assets: Assets, options: Options = Options()): Embedder =
            Embedder(Engine.load(assets, options))
    }
}
