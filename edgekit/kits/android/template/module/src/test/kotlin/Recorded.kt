package edgekit.kit

/** What was verified, with outputs. */
internal val SAMPLES: List<Sample> = resource("samples.txt").use(::readSamples)

/** Texts of all kinds that tell tokenizers apart, without outputs. */
internal val GOLDEN: List<Sample> = resource("golden.txt").bufferedReader().use { it.readLines() }.map(::readGolden)

/** Of other processors' rounding; the same one gives equal bits. */
internal const val TOLERANCE = 1e-3f
