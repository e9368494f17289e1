package edgekit.kit

import java.nio.FloatBuffer

/** What [DeviceBenchmark] measures, and what it reads of a sample. */
internal typealias Measured = ImageEngine

internal typealias Input = FloatBuffer

internal fun ImageEngine.prepare(sample: Sample): FloatBuffer = prepare(sample.pixels, sample.width, sample.height)

internal fun ImageEngine.output(planes: FloatBuffer): FloatArray = run(planes)
