package edgekit.kit

/** Code points of a text. The bits above each one's 21 say where it ended in the text: behind how many of its own. */
internal typealias Codes = LongArray

internal fun code(packed: Long): Int = (packed and 0x1fffff).toInt()

internal fun end(packed: Long): Int = (packed ushr 21).toInt()

internal fun packed(code: Int, end: Int): Long = (end.toLong() shl 21) or code.toLong()

/** A text by code points; half of a surrogate pair becomes U+FFFD, as it does on its way into Python's tokenizer. */
internal fun codesOf(text: String): Codes {
    val made = LongArray(text.length)
    var count = 0
    var at = 0
    while (at < text.length) {
        val code = text.codePointAt(at)
        at += Character.charCount(code)
        made[count] = packed(if (code in 0xd800..0xdfff) 0xfffd else code, count + 1)
        count++
    }
    return made.copyOf(count)
}

/** The text of code points, and where in it each one begins. */
internal class Spelled(codes: Codes) {
    val starts = IntArray(codes.size + 1)
    val text: String = buildString(codes.size) {
        codes.forEachIndexed { i, packed ->
            starts[i] = length
            appendCodePoint(code(packed))
        }
        starts[codes.size] = length
    }

    /** Code points from [from] to before [to]. */
    fun part(from: Int, to: Int): String = text.substring(starts[from], starts[to])
}

/** A growing list of [Codes], without a box around each. */
internal class CodesBuilder(capacity: Int = 16) {
    private var items = LongArray(capacity)
    var size = 0
        private set

    fun add(packed: Long) {
        if (size == items.size) items = items.copyOf(2 * size + 16)
        items[size++] = packed
    }

    operator fun get(index: Int): Long = items[index]

    operator fun set(index: Int, packed: Long) {
        items[index] = packed
    }

    fun codes(): Codes = items.copyOf(size)
}
