package edgekit.kit

/** `tokenizer.txt` and the files beside it, read. */
internal class Table private constructor() {
    /** In their order: added tokens, normalization, added tokens that are normalized, splitting. */
    val steps = ArrayList<Step>()
    lateinit var model: WordModel
        private set

    /** What an encoded text, and a pair, is put together from: (kind, token id, type id) each. */
    var single = IntArray(0)
        private set
    var pair = IntArray(0)
        private set

    /** Tokens, special tokens included. */
    var limit = Int.MAX_VALUE
        private set
    var strategy = 0
        private set
    var fromLeft = false
        private set

    private fun read(assets: Assets) {
        val added = listOf(ArrayList<AddedToken>(), ArrayList())
        val phases = listOf(ArrayList<Step>(), ArrayList())
        var phase = 0
        var words = Runs(IntArray(0))
        var spaces = words
        var classes = words
        var shapes = words
        var clusters = IntArray(0)
        var matcher = Matcher()
        for (line in text(assets, "tokenizer.txt").split('\n').dropLast(1)) {
            val word = line.substringBefore(' ')
            val rest = line.substringAfter(' ', "")
            val steps = phases[phase]
            when (word) {
                "format" -> require(rest == "1") { "The tokenizer's tables have format $rest, and this reads 1." }
                "map" -> steps.add(mapping(CodeMap(ints(rest))))
                "order" -> {
                    classes = Runs(ints(rest))
                    steps.add(order(classes))
                }
                "compose" -> steps.add(compose(Compositions(ints(rest)), classes))
                "graphemes" -> shapes = Runs(ints(rest))
                "clusters" -> clusters = ints(rest)
                "precompiled" -> steps.add(onCodes(Charsmap(shapes, clusters, CodeMap(ints(rest)))::normalised))
                "strip" -> ints(rest).let {
                    steps.add(strip(it[0] == 1, it[1] == 1, Runs(it.copyOfRange(2, it.size))))
                }
                "prepend" -> steps.add(prepend(codePoints(rest.substringBefore(' ')), rest.substringAfter(' ')))
                "replace" -> {
                    matcher = Matcher()
                    steps.add(replace(matcher, codePoints(rest)))
                }
                "split" -> {
                    matcher = Matcher()
                    steps.add(split(matcher, rest.toInt()))
                }
                "class" -> matcher.classes = Runs(ints(rest))
                "set" -> matcher.addSet(ints(rest))
                "program" -> matcher.program = ints(rest)
                "bytes" -> steps.add(spell(ints(rest)))
                "pieces" -> phase = 1
                "added" -> {
                    val (id, normalized, single, left, right) = ints(rest.substringBeforeLast(' '))
                    val codes = codePoints(rest.substringAfterLast(' '))
                    added[normalized].add(AddedToken(id, single == 1, left == 1, right == 1, codes))
                }
                "words" -> words = Runs(ints(rest))
                "spaces" -> spaces = Runs(ints(rest))
                "single" -> single = ints(rest)
                "pair" -> pair = ints(rest)
                "limit" -> ints(rest).let {
                    limit = it[0]
                    strategy = it[1]
                    fromLeft = it[2] == 1
                }
                "model" -> model = model(rest.split(' '), assets)
                "sha256", "pad" -> Unit // a text alone is never padded
                else -> throw IllegalArgumentException("The tokenizer's tables have a line $word that this can't read.")
            }
        }
        for (i in 0..1) {
            steps.add(AddedTokens(added[i], words, spaces))
            steps.addAll(phases[i])
        }
    }

    private fun model(words: List<String>, assets: Assets): WordModel {
        val vocabulary = Vocabulary(text(assets, "vocab.txt"))
        return when (val kind = words[0]) {
            "wordpiece" ->
                wordPiece(vocabulary, words[1].toInt(), words[2].toInt(), fromHex(words[3]))
            "bpe" -> Bpe(
                vocabulary, text(assets, "merges.txt"), words[1].toInt(),
                fuseUnknown = words[2] == "1", byteFallback = words[3] == "1", wholeWords = words[4] == "1",
            )
            "unigram" -> Unigram(
                vocabulary, doubles(text(assets, "scores.txt")), words[1].toInt(),
                byteFallback = words[2] == "1", lowest = words[3].toDouble(),
            )
            else -> throw IllegalArgumentException("The tokenizer's model is $kind, which this doesn't know.")
        }
    }

    companion object {
        fun read(assets: Assets): Table = Table().also { it.read(assets) }
    }
}

internal fun text(assets: Assets, name: String): String =
    Charsets.UTF_8.decode(assets.open(name).duplicate()).toString()

private fun doubles(text: String): DoubleArray =
    text.split('\n').dropLast(1).let { lines -> DoubleArray(lines.size) { lines[it].toDouble() } }

private fun codePoints(hex: String): IntArray = codesOf(fromHex(hex)).map(::code).toIntArray()

/** A text in UTF-8 hex; "-" is none. */
internal fun fromHex(hex: String): String = when (hex) {
    "-" -> ""
    else -> ByteArray(hex.length / 2) { hex.substring(2 * it, 2 * it + 2).toInt(16).toByte() }.decodeToString()
}

/** Whole numbers with one separator between two. */
internal fun ints(line: String, separator: Char = ' '): IntArray {
    var made = IntArray(8)
    var size = 0
    var at = 0
    while (at < line.length) {
        val negative = line[at] == '-'
        if (negative) at++
        var value = 0
        while (at < line.length && line[at] != separator) value = 10 * value + (line[at++] - '0')
        at++
        if (size == made.size) made = made.copyOf(2 * size)
        made[size++] = if (negative) -value else value
    }
    return made.copyOf(size)
}
