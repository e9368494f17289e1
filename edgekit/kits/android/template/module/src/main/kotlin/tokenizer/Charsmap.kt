package edgekit.kit

/** `precompiled`: SentencePiece's normalization map, looked up by short grapheme clusters and by code points. */
internal class Charsmap(private val shapes: Runs, clusters: IntArray, private val one: CodeMap) {
    private val several = HashMap<List<Int>, IntArray>() // keys of several code points → replacements

    init {
        var at = 0
        fun next() = clusters.copyOfRange(at + 1, at + 1 + clusters[at]).also { at += 1 + it.size }
        while (at < clusters.size) several[next().asList()] = next()
    }

    fun normalised(codes: Codes): Codes {
        val made = CodesBuilder(codes.size)
        var from = 0
        while (from < codes.size) {
            val to = clusterEnd(codes, from)
            if (!replaceWhole(codes, from, to, made)) for (i in from until to) one.replace(codes[i], made)
            from = to
        }
        return made.codes()
    }

    /** A short cluster whose beginning is a key becomes that key's value, and the rest of it is lost. */
    private fun replaceWhole(codes: Codes, from: Int, to: Int, out: CodesBuilder): Boolean {
        val bytes = (from until to).sumOf { utf8(code(codes[it])).size }
        if (bytes > LONGEST) return false
        val end = end(codes[to - 1])
        if (one.has(code(codes[from]))) {
            one.replace(packed(code(codes[from]), end), out)
            return true
        }
        val value = (from + 2..to).firstNotNullOfOrNull { stop ->
            several[(from until stop).map { code(codes[it]) }]
        } ?: return false
        for (code in value) out.add(packed(code, end))
        return true
    }

    /** Where the extended grapheme cluster (UAX #29) at [from] ends; regional indicators are not paired. */
    private fun clusterEnd(codes: Codes, from: Int): Int {
        var before = OTHER
        var emoji = 0 // 1: one has begun; 2: the next may join
        var conjunct = 0
        for (i in from until codes.size) {
            val kind = shapes[code(codes[i])]
            val mark = kind == EXTEND || kind == JOINER || kind == SPACING || kind == LINKER || kind == LOOSE
            val breaks = before in CONTROL..LF || kind in CONTROL..LF
            val joins = (before == CR && kind == LF) || (!breaks && (mark || before == PREPEND)) ||
                joinsSyllable(before, kind) || (emoji == 2 && kind == PICTOGRAPH) ||
                (conjunct == 2 && kind == CONSONANT)
            if (i > from && !joins) return i
            emoji = when {
                kind == PICTOGRAPH -> 1
                emoji != 1 || !mark || kind == SPACING -> 0
                else -> if (kind == JOINER) 2 else 1
            }
            conjunct = when {
                kind == CONSONANT -> 1
                conjunct == 0 || (kind != EXTEND && kind != JOINER && kind != LINKER) -> 0
                else -> if (kind == LINKER) 2 else conjunct
            }
            before = kind
        }
        return codes.size
    }

    private fun joinsSyllable(before: Int, kind: Int): Boolean = when (before) {
        LEAD -> kind == LEAD || kind == VOWEL || kind == SYLLABLE || kind == CLOSED
        VOWEL, SYLLABLE -> kind == VOWEL || kind == TRAIL
        TRAIL, CLOSED -> kind == TRAIL
        else -> false
    }

    private companion object {
        const val LONGEST = 5 // bytes of a cluster that is looked up whole
        const val OTHER = 0
        const val CONTROL = 1
        const val CR = 2
        const val LF = 3
        const val EXTEND = 4
        const val JOINER = 5
        const val SPACING = 6
        const val PREPEND = 7
        const val LEAD = 8
        const val VOWEL = 9
        const val TRAIL = 10
        const val SYLLABLE = 11
        const val CLOSED = 12
        const val PICTOGRAPH = 13
        const val CONSONANT = 14
        const val LINKER = 15
        const val LOOSE = 16 // extends, but ends a conjunct
    }
}
