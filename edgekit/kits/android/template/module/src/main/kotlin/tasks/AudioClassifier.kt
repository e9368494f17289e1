package edgekit.kit

/** Tells what a clip is of. Safe to share between coroutines; close it when done. */
class AudioClassifier private constructor(private val engine: AudioEngine) : AutoCloseable by engine {

    /** What the model hears of a clip: of a longer one the middle, and silence around a shorter one. */
    val seconds: Double get() = Kit.SAMPLES.toDouble() / Kit.SAMPLING_RATE

    /**
     * The probability of every label; together they are 1. The clip may be of any length and rate.
     *
     * @param samples from -1 to 1; those of a frame's channels beside each other.
     * @param sampleRate frames a second.
     * @throws IllegalArgumentException there is no frame, or half of one, or the rate is none.
     * @throws IllegalStateException it is closed.
     */
    suspend fun classify(samples: FloatArray, sampleRate: Int, channels: Int = 1): Map<Label, Float> =
        answer(engine.answer(framesOf(samples.size, channels), sampleRate, monoOf(samples, channels)))

    /** The same of 16-bit samples, as `AudioRecord` and WAV files have them. */
    suspend fun classify(pcm: ShortArray, sampleRate: Int, channels: Int = 1): Map<Label, Float> =
        answer(engine.answer(framesOf(pcm.size, channels), sampleRate, monoOf(pcm, channels)))

    /** The most probable labels, best first. */
    suspend fun top(
        samples: FloatArray, sampleRate: Int, channels: Int = 1, count: Int = 1,
    ): List<Pair<Label, Float>> = best(classify(samples, sampleRate, channels), count)

    /** The same of 16-bit samples. */
    suspend fun top(
        pcm: ShortArray, sampleRate: Int, channels: Int = 1, count: Int = 1,
    ): List<Pair<Label, Float>> = best(classify(pcm, sampleRate, channels), count)

    private fun answer(output: FloatArray) = Label.entries.zip(softmax(output).asIterable()).toMap()

    private fun best(answer: Map<Label, Float>, count: Int) =
        answer.toList().sortedByDescending { it.second }.take(count)

    companion object {
        suspend fun load(assets: Assets, options: Options = Options()): AudioClassifier =
            AudioClassifier(AudioEngine.load(assets, options))
    }
}
