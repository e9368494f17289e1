package edgekit.kit

/** Code point → class, from (length, class) pairs; nothing given: class 0. */
internal class Runs(numbers: IntArray) {
    private val starts = IntArray(maxOf(1, numbers.size / 2))
    private val kinds = IntArray(starts.size)

    init {
        var start = 0
        for (i in numbers.indices step 2) {
            starts[i / 2] = start
            kinds[i / 2] = numbers[i + 1]
            start += numbers[i]
        }
    }

    operator fun get(code: Int): Int = kinds[lastAtOrBefore(starts, code)]
}

/** Code point → what replaces it, from entries `gap length moving count values…`. */
internal class CodeMap(private val numbers: IntArray) {
    private val starts: IntArray
    private val places: IntArray // of each entry in `numbers`

    init {
        val found = ArrayList<Pair<Int, Int>>()
        var at = 0
        var end = 0
        while (at < numbers.size) {
            found.add(end + numbers[at] to at)
            end += numbers[at] + numbers[at + 1]
            at += 4 + numbers[at + 3]
        }
        starts = IntArray(found.size) { found[it].first }
        places = IntArray(found.size) { found[it].second }
    }

    /** The entry of a code point; −1: it stays as it is. */
    private fun entry(code: Int): Int {
        val found = lastAtOrBefore(starts, code)
        return if (found >= 0 && code < starts[found] + numbers[places[found] + 1]) found else -1
    }

    fun has(code: Int): Boolean = entry(code) >= 0

    fun drops(code: Int): Boolean = entry(code).let { it >= 0 && numbers[places[it] + 3] == 0 }

    /** Adds the replacement of a code point, or the code point itself. */
    fun replace(packed: Long, out: CodesBuilder) {
        val entry = entry(code(packed))
        if (entry < 0) return out.add(packed)
        val place = places[entry]
        for (i in 0 until numbers[place + 3]) {
            val moved = if (i == numbers[place + 2]) code(packed) - starts[entry] else 0
            out.add(packed(numbers[place + 4 + i] + moved, end(packed)))
        }
    }

    fun apply(codes: Codes): Codes {
        val made = CodesBuilder(codes.size)
        for (packed in codes) replace(packed, made)
        return made.codes()
    }
}

/** Two code points → what they join to, from differences `first second count result`. */
internal class Compositions(numbers: IntArray) {
    private val joined = HashMap<Long, Int>()

    init {
        var first = 0
        var second = 0
        var result = 0
        for (i in numbers.indices step 4) {
            first += numbers[i]
            second += numbers[i + 1]
            result += numbers[i + 3]
            for (n in 0 until numbers[i + 2]) joined[key(first, second + n)] = result + n
        }
    }

    /** −1: they stay two. */
    fun of(first: Int, second: Int): Int = joined[key(first, second)] ?: -1

    private fun key(first: Int, second: Int): Long = packed(first, second)
}

private fun lastAtOrBefore(sorted: IntArray, value: Int): Int {
    val found = sorted.binarySearch(value)
    return if (found >= 0) found else -found - 2
}
