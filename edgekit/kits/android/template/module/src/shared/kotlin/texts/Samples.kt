package edgekit.kit

import java.io.InputStream

/**
 * A text with what was verified for it.
 *
 * @property inputs the model's inputs by name: token ids and what goes with them.
 * @property output the model's output, row after row; empty where only tokens were recorded.
 * @property tags the number of every word's tag, of a model that tags; −1: no token of it was read.
 */
internal class Sample(
    val text: String,
    val pair: String?,
    val inputs: Map<String, IntArray>,
    val output: FloatArray = FloatArray(0),
    val tags: IntArray = IntArray(0),
)

/**
 * Reads `samples.txt`: texts in UTF-8 hex behind a dot, "-" for none, numbers with commas between. The first line
 * names the columns.
 */
internal fun readSamples(stream: InputStream): List<Sample> {
    val rows = stream.bufferedReader().use { it.readLines() }.map { it.split(' ') }
    return rows.drop(1).map { row ->
        val cells = rows[0].zip(row).toMap()
        Sample(
            text = readText(cells.getValue("text"))!!,
            pair = readText(cells.getValue("pair")),
            inputs = (cells - setOf("text", "pair", "output", "tags")).mapValues { ints(it.value, separator = ',') },
            output = cells.getValue("output").split(',').map { it.toFloat() }.toFloatArray(),
            tags = cells["tags"]?.let { ints(it, separator = ',') } ?: IntArray(0),
        )
    }
}

/** A line of `golden.txt`: text, pair, token ids and type ids that Python's tokenizer gave. */
internal fun readGolden(line: String): Sample {
    val (text, pair, ids, types) = line.split(' ')
    val inputs = mapOf("input_ids" to ints(ids, separator = ','), "token_type_ids" to ints(types, separator = ','))
    return Sample(readText(text)!!, readText(pair), inputs)
}

private fun readText(cell: String): String? = if (cell == "-") null else fromHex(cell.drop(1))
