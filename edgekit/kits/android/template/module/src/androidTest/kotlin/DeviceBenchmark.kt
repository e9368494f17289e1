package edgekit.kit

import java.io.InputStream
import kotlin.math.abs

/**
 * edgekit's measuring protocol for one device: batch 1, one sample after the other.
 *
 * Every sample is timed twice: as what the model reads, made beforehand, and from the sample itself, end to end.
 * Samples are gone through as often as it takes to fill the minimum duration, at least once.
 *
 * @param minimumSeconds for how long each row is measured.
 * @param warmup untimed calls before the first timed one.
 */
internal class DeviceBenchmark(
    private val assets: Assets,
    private val samples: List<Sample>,
    private val device: Device,
    private val minimumSeconds: Double = 10.0,
    private val warmup: Int = WARMUP,
) {
    /**
     * Measures one way of running the model after the other in this process.
     *
     * The peak of memory belongs to a process, so only the first row has one.
     */
    fun run(ways: List<Options>, dateUtc: String): DeviceResult {
        val rows = ways.mapIndexed { i, options -> row(options, first = i == 0) }
        return DeviceResult.of(device, rows, dateUtc)
    }

    private fun row(options: Options, first: Boolean): Map<String, Any?> {
        val before = device.thermalState
        val measured = try {
            measured(options, first)
        } catch (error: Exception) { // a provider that this device or build doesn't have
            mapOf("warmup" to 0, "runs" to 0, "not_measured" to (error.message ?: error.toString()))
        }
        return mapOf(
            "protocol" to PROTOCOL,
            "runtime" to "onnxruntime ${Kit.ONNXRUNTIME}",
            "compute_units" to options.provider.name,
            "threads" to options.threads,
            "texts" to samples.size,
            "minimum_seconds" to minimumSeconds,
            "thermal_before" to before,
            "thermal_after" to device.thermalState,
        ) + measured
    }

    private fun measured(options: Options, first: Boolean): Map<String, Any?> {
        val start = System.nanoTime()
        Measured.open(assets, options).use { engine ->
            val loaded = System.nanoTime() - start
            val inputs = samples.map { engine.prepare(it) }
            val answers = compare(engine, inputs)
            repeat(warmup) { engine.output(inputs[it % inputs.size]) }
            val times = measure(engine, inputs)
            return mapOf(
                "warmup" to warmup,
                "runs" to times.run.size,
                "load_ms" to loaded / 1e6,
                "pass_seconds" to percentile(times.passes, 50) / 1e9,
                "p50_ms" to percentile(times.run, 50) / 1e6,
                "p90_ms" to percentile(times.run, 90) / 1e6,
                "p99_ms" to percentile(times.run, 99) / 1e6,
                "end_to_end_p50_ms" to percentile(times.endToEnd, 50) / 1e6,
                "end_to_end_p90_ms" to percentile(times.endToEnd, 90) / 1e6,
                "end_to_end_p99_ms" to percentile(times.endToEnd, 99) / 1e6,
                "peak_bytes" to if (first) device.peakBytes else null,
                "answers" to answers,
                "not_measured" to if (first) "" else "peak memory: another row ran in the same process before",
            )
        }
    }

    private fun measure(engine: Measured, inputs: List<Input>): Times {
        val times = Times()
        val began = System.nanoTime()
        do {
            var pass = 0L
            for ((input, sample) in inputs.zip(samples)) {
                val start = System.nanoTime()
                engine.output(input)
                val middle = System.nanoTime()
                engine.output(engine.prepare(sample))
                times.endToEnd.add(System.nanoTime() - middle)
                times.run.add(middle - start)
                pass += middle - start
            }
            times.passes.add(pass)
        } while (System.nanoTime() - began < minimumSeconds * 1e9)
        return times
    }

    /** The device's answers beside the verified ones. */
    private fun compare(engine: Measured, inputs: List<Input>): Map<String, Any?> {
        var error = 0.0
        var agreed = 0
        for ((input, sample) in inputs.zip(samples)) {
            val expected = sample.output
            val given = engine.output(input)
            check(given.size == expected.size && given.all { it.isFinite() }) {
                "The model gave no ${expected.size} finite numbers."
            }
            error = maxOf(error, given.indices.maxOf { abs(given[it].toDouble() - expected[it]) })
            if (argmax(given) == argmax(expected)) agreed++
        }
        val share = if (Kit.TASK in CLASSIFIERS) agreed.toDouble() / samples.size else null
        return mapOf("samples" to samples.size, "max_abs_error" to error, "label_agreement" to share)
    }

    /** Nanoseconds. */
    private class Times {
        val run = ArrayList<Long>()
        val endToEnd = ArrayList<Long>()
        val passes = ArrayList<Long>()
    }

    companion object {
        const val WARMUP = 20

        /** @param resources opens a file of the tests. */
        fun open(
            assets: Assets, resources: (String) -> InputStream, device: Device, minimumSeconds: Double, warmup: Int,
        ) = DeviceBenchmark(assets, resources("samples.txt").use(::readSamples), device, minimumSeconds, warmup)

        const val PROTOCOL = "device: batch 1, one model, in turn"
        private val CLASSIFIERS = setOf("text-classification", "image-classification", "audio-classification")
    }
}
