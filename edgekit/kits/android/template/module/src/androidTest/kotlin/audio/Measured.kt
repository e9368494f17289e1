package edgekit.kit

import java.nio.FloatBuffer

/** What [DeviceBenchmark] measures, and what it reads of a sample. */
internal typealias Measured = AudioEngine

internal typealias Input = FloatBuffer

internal fun AudioEngine.prepare(sample: Sample): FloatBuffer =
    prepare(sample.pcm.size, sample.rate, monoOf(sample.pcm, channels = 1))

internal fun AudioEngine.output(samples: FloatBuffer): FloatArray = run(samples)
