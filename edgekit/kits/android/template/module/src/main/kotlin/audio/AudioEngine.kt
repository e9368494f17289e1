package edgekit.kit

import java.nio.FloatBuffer
import kotlinx.coroutines.withContext

/** Sound in, numbers out, off the caller's thread. */
internal class AudioEngine private constructor(
    private val model: ArrayModel,
    private val options: Options,
) : AutoCloseable by model {
    private val resampler = Resampler(Hearing(Kit.SAMPLING_RATE, Kit.SAMPLES))

    /** The output, a number for each label. */
    fun run(frames: Int, rate: Int, mono: Mono): FloatArray = run(prepare(frames, rate, mono))

    fun run(samples: FloatBuffer): FloatArray = model.run(samples, 1, Kit.SAMPLES.toLong())

    /** The samples as the model reads them. */
    fun prepare(frames: Int, rate: Int, mono: Mono): FloatBuffer {
        val samples = resampler.prepare(frames, rate, mono)
        return floats(samples.size) { samples[it] }
    }

    suspend fun answer(frames: Int, rate: Int, mono: Mono): FloatArray =
        withContext(options.dispatcher) { run(frames, rate, mono) }

    companion object {
        suspend fun load(assets: Assets, options: Options): AudioEngine = withContext(options.dispatcher) {
            open(assets, options)
        }

        /** Blocks: for tests and measuring. */
        fun open(assets: Assets, options: Options) = AudioEngine(ArrayModel(assets, options), options)
    }
}

/** Frames of so many values. @throws IllegalArgumentException they don't come out even. */
internal fun framesOf(values: Int, channels: Int): Int {
    require(channels > 0 && values % channels == 0) { "$values samples are no frames of $channels channels." }
    return values / channels
}

internal fun monoOf(samples: FloatArray, channels: Int) = Mono { frame ->
    var sum = 0.0
    for (i in frame * channels until (frame + 1) * channels) sum += samples[i]
    sum / channels
}

/** Of 16 bits. */
internal fun monoOf(pcm: ShortArray, channels: Int) = Mono { frame ->
    var sum = 0.0
    for (i in frame * channels until (frame + 1) * channels) sum += pcm[i] / 32_768.0
    sum / channels
}
