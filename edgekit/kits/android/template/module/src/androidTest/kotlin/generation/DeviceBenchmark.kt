package edgekit.kit

import java.io.InputStream
import kotlin.math.sqrt

/**
 * edgekit's measuring protocol for a decoder on one device: a prompt of 128 and of 512 tokens is read, then 64 tokens
 * are written, each time the likeliest. Tokenizing is left out, as everybody does.
 *
 * @param vectors lines of `generation-golden.txt`, whose prompts are read one after the other.
 * @param minimumSeconds for how long each length of prompt is measured; at least five times.
 * @param warmup untimed texts before the first timed one.
 */
internal class DeviceBenchmark(
    private val assets: Assets,
    private val vectors: List<List<String>>,
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
            "texts" to 1,
            "minimum_seconds" to minimumSeconds,
            "thermal_before" to before,
            "thermal_after" to device.thermalState,
        ) + measured
    }

    private fun measured(options: Options, first: Boolean): Map<String, Any?> {
        val start = System.nanoTime()
        Tokenizer.load(assets)
        val tables = GenerationTables.read(assets)
        Decoder(assets, options, tables).use { decoder ->
            val loaded = System.nanoTime() - start
            val answers = compare(decoder, tables)
            val ids = vectors.filter { it[0] == "prompt" }.flatMap { numbers(it[2]) }
            val generation = lengths(tables.context).map { length ->
                val prompt = IntArray(length) { ids[it % ids.size] }
                timed(decoder, prompt, minOf(NEW_TOKENS, tables.context - length - 1))
            }
            val other = if (first) "" else "; peak memory: another row ran in the same process before"
            return mapOf(
                "warmup" to warmup,
                "runs" to generation.sumOf { it.getValue("runs") as Int },
                "load_ms" to loaded / 1e6,
                "peak_bytes" to if (first) device.peakBytes else null,
                "answers" to answers,
                "generation" to generation,
                "not_measured" to "the time of a whole answer: it grows with the tokens that are written$other",
            )
        }
    }

    /** The prompts that leave room to write; half of the context where none does. */
    private fun lengths(context: Int): List<Int> =
        PROMPTS.filter { it + NEW_TOKENS < context }.ifEmpty { listOf(maxOf(context / 2, 1)) }

    /** A prompt's figures, as the result has them. */
    private fun timed(decoder: Decoder, prompt: IntArray, count: Int): Map<String, Any?> {
        repeat(warmup) { once(decoder, prompt, count) }
        val firsts = ArrayList<Long>()
        val nexts = ArrayList<Long>()
        val rates = ArrayList<Double>()
        val began = System.nanoTime()
        do {
            val taken = once(decoder, prompt, count)
            firsts.add(taken[0])
            nexts.addAll(taken.drop(1))
            rates.add(count / (taken.drop(1).sum() / 1e9))
        } while (rates.size < LEAST_RUNS || System.nanoTime() - began < minimumSeconds * 1e9)
        val mean = rates.average()
        return mapOf(
            "prompt_tokens" to prompt.size,
            "new_tokens" to count,
            "runs" to rates.size,
            "first_token_p50_ms" to percentile(firsts, 50) / 1e6,
            "first_token_p90_ms" to percentile(firsts, 90) / 1e6,
            "tokens_per_second" to rates.sorted()[rates.size / 2],
            "tokens_per_second_sd" to sqrt(rates.sumOf { (it - mean) * (it - mean) } / (rates.size - 1)),
            "next_token_p50_ms" to percentile(nexts, 50) / 1e6,
            "next_token_p99_ms" to percentile(nexts, 99) / 1e6,
        )
    }

    /** Nanoseconds until the first token is known, and for each of [count] after it. */
    private fun once(decoder: Decoder, prompt: IntArray, count: Int): List<Long> {
        decoder.forget()
        var text = prompt
        return List(count + 1) {
            val start = System.nanoTime()
            text += likeliest(decoder.read(text, prompt.size + count + 1))
            System.nanoTime() - start
        }
    }

    /** Of the verified continuations, what this device wrote too. */
    private fun compare(decoder: Decoder, tables: GenerationTables): Map<String, Any?>? {
        val known = vectors.filter { it[0] == "greedy" }.ifEmpty { return null }
        var same = 0
        var expected = 0
        for ((_, ids, margins, prompt) in known) {
            val tokens = numbers(ids)
            var text = numbers(prompt).toIntArray()
            val most = text.size + tokens.size
            var equal = 0
            while (equal < tokens.size) {
                val token = likeliest(decoder.read(text, most))
                if (token != tokens[equal]) break
                equal++
                text += token
                if (token in tables.stop) break
            }
            same += equal
            val margin = margins.split(',').getOrNull(equal)?.toFloatOrNull()
            expected += if (margin != null && margin < TIE) equal else tokens.size
        }
        val share = if (expected > 0) same.toDouble() / expected else null
        return mapOf("samples" to known.size, "token_agreement" to share)
    }

    private fun likeliest(logits: FloatArray): Int = choose(logits, LIKELIEST, NONE, SplitMix(0))

    private fun numbers(word: String): List<Int> = if (word == "-") emptyList() else word.split(',').map { it.toInt() }

    companion object {
        const val PROTOCOL = "llm 1.0: a prompt, then 64 tokens one by one, each the likeliest"
        const val WARMUP = 1

        /** @param resources opens a file of the tests. */
        fun open(
            assets: Assets, resources: (String) -> InputStream, device: Device, minimumSeconds: Double, warmup: Int,
        ): DeviceBenchmark {
            val lines = resources("generation-golden.txt").bufferedReader().use { it.readLines() }
            return DeviceBenchmark(assets, lines.map { it.split(' ') }, device, minimumSeconds, warmup)
        }

        private val PROMPTS = listOf(128, 512)
        private const val NEW_TOKENS = 64
        private const val LEAST_RUNS = 5

        /** Logits that another processor's way of rounding may move: after such a near tie texts may go apart. */
        private const val TIE = 0.1f
        private val LIKELIEST = Sampling()
        private val NONE = IntArray(0)
    }
}
