package edgekit.kit

/** What was verified. */
internal val SAMPLES: List<Sample> = resource("samples.txt").use(::readSamples)

/** Of other processors' rounding; the same one gives equal bits. */
internal const val TOLERANCE = 1e-3f

internal fun lines(name: String): List<List<String>> =
    resource(name).bufferedReader().use { it.readLines() }.map { it.split(' ') }
