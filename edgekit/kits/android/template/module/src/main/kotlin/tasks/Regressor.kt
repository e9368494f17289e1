package edgekit.kit

/** Gives a text a number. Safe to share between coroutines; close it when done. */
class Regressor private constructor(private val engine: Engine) : AutoCloseable by engine {

    /**
     * The number, in the unit of the labels that the model was trained on.
     *
     * @param pair the second text, of a model that was trained on two.
     * @throws IllegalStateException it is closed.
     */
    suspend fun predict(text: String, pair: String? = null): Float =
        engine.answer(text, pair) { output, _ -> output.row(0)[0] }

    companion object {
        suspend fun load(assets: Assets, options: Options = Options()): Regressor =
            Regressor(Engine.load(assets, options))
    }
}
