package edgekit.kit

/** Tells which labels, of several, a text has. Safe to share between coroutines; close it when done. */
class Classifier private constructor(private val engine: Engine) : AutoCloseable by engine {

    /**
     * The probability of every label, each on its own.
     *
     * @param pair the second text, for a model that was trained on two.
     * @throws IllegalStateException it is closed.
     */
    suspend fun classify(text: String, pair: String? = null): Map<Label, Float> {
        val shares = engine.answer(text, pair) { output, _ -> sigmoid(output.row(0)) }
        return Label.entries.zip(shares.asIterable()).toMap()
    }

    /** The labels whose probability is above [threshold]. */
    suspend fun labels(text: String, pair: String? = null, threshold: Float = 0.5f): Set<Label> =
        classify(text, pair).filterValues { it > threshold }.keys

    /** The most probable labels, best first. */
    suspend fun top(text: String, pair: String? = null, count: Int = 1): List<Pair<Label, Float>> =
        classify(text, pair).toList().sortedByDescending { it.second }.take(count)

    companion object {
        suspend fun load(assets: Assets, options: Options = Options()): Classifier =
            Classifier(Engine.load(assets, options))
    }
}
