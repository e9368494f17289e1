package edgekit.kit

/** The code points of a piece → token ids, each with where it ended in the text. */
internal fun interface WordModel {
    fun encode(codes: Codes, out: Ids)
}

/** A growing list of token ids. */
internal class Ids {
    private val items = CodesBuilder()
    val size get() = items.size

    fun add(id: Int, end: Int) = items.add((end.toLong() shl 32) or id.toLong())

    fun id(index: Int): Int = items[index].toInt()

    fun end(index: Int): Int = (items[index] ushr 32).toInt()
}

/** The tokens of a vocabulary file: each on the line of its id. */
internal class Vocabulary(text: String) {
    private val ids = HashMap<String, Int>()

    /** Characters of the longest token. */
    val longest: Int

    init {
        var most = 0
        text.split('\n').dropLast(1).forEachIndexed { id, line ->
            if (line.isEmpty()) return@forEachIndexed // an id without a token
            val token = unescaped(line)
            ids[token] = id
            most = maxOf(most, token.length)
        }
        longest = most
    }

    /** −1: there is none. */
    operator fun get(token: String): Int = ids[token] ?: -1

    /** The tokens of a text's bytes; null where the vocabulary lacks one of them. */
    fun bytes(text: String): List<Int>? = text.encodeToByteArray()
        .map { this["<0x%02X>".format(it.toInt() and 0xff)] }.takeIf { -1 !in it }

    private fun unescaped(line: String): String {
        if ('\\' !in line) return line
        val halves = line.split("\\\\")
        return halves.joinToString("\\") { it.replace("\\n", "\n").replace("\\r", "\r") }
    }
}

/** The longest token at each place; a place without any makes the whole word unknown (Wu et al., 2016). */
internal fun wordPiece(vocabulary: Vocabulary, unknown: Int, longestWord: Int, prefix: String) =
    WordModel { codes, out ->
        val word = Spelled(codes)
        val found = ArrayList<Pair<Int, Int>>() // id, and before which code point it ends
        var from = 0
        while (from < codes.size && codes.size <= longestWord) {
            var to = codes.size
            var id = -1
            while (to > from) {
                if (word.starts[to] - word.starts[from] <= vocabulary.longest) {
                    id = vocabulary[(if (from > 0) prefix else "") + word.part(from, to)]
                }
                if (id >= 0) break
                to--
            }
            if (id < 0) break
            found.add(id to to)
            from = to
        }
        if (from < codes.size) return@WordModel out.add(unknown, end(codes.last()))
        for ((id, to) in found) out.add(id, end(codes[to - 1]))
    }

/** The path of tokens with the best sum of scores; of equal ones the first found (Kudo, 2018; Viterbi). */
internal class Unigram(
    private val vocabulary: Vocabulary,
    private val scores: DoubleArray,
    private val unknown: Int,
    private val byteFallback: Boolean,
    private val lowest: Double,
) : WordModel {
    override fun encode(codes: Codes, out: Ids) {
        val text = Spelled(codes)
        val best = DoubleArray(codes.size + 1)
        val startOf = IntArray(codes.size + 1) { -1 }
        val tokenAt = IntArray(codes.size + 1) { unknown }
        fun offer(from: Int, to: Int, score: Double, token: Int) {
            if (startOf[to] >= 0 && best[from] + score <= best[to]) return
            best[to] = best[from] + score
            startOf[to] = from
            tokenAt[to] = token
        }
        for (from in codes.indices) {
            var to = from + 1
            while (to <= codes.size && text.starts[to] - text.starts[from] <= vocabulary.longest) {
                val token = vocabulary[text.part(from, to)]
                if (token >= 0) offer(from, to, scores[token], token)
                to++
            }
            if (vocabulary[text.part(from, from + 1)] < 0) offer(from, from + 1, lowest - UNKNOWN_COST, unknown)
        }
        val pieces = ArrayList<IntArray>() // from, to, 1 if unknown: neighbouring unknown ones are one piece
        var to = codes.size
        while (to > 0) {
            val from = startOf[to]
            val isUnknown = if (tokenAt[to] == unknown) 1 else 0
            val last = pieces.lastOrNull()
            if (isUnknown == 1 && last != null && last[2] == 1) last[0] = from else pieces.add(intArrayOf(from, to, isUnknown))
            to = from
        }
        for ((from, before) in pieces.asReversed()) {
            val part = text.part(from, before)
            val token = vocabulary[part]
            val ids = if (token < 0 && byteFallback) vocabulary.bytes(part) else null
            for (id in ids ?: listOf(if (token < 0) unknown else token)) out.add(id, end(codes[before - 1]))
        }
    }

    private companion object {
        const val UNKNOWN_COST = 10.0
    }
}
