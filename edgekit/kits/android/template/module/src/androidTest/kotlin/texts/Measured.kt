package edgekit.kit

/** What [DeviceBenchmark] measures, and what it reads of a sample. */
internal typealias Measured = Engine

internal typealias Input = Tokens

internal fun Engine.prepare(sample: Sample): Tokens = encode(sample.text, sample.pair)

internal fun Engine.output(tokens: Tokens): FloatArray = run(tokens).values
