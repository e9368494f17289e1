package edgekit.kit

import java.nio.ByteBuffer
import java.nio.CharBuffer
import java.nio.charset.CodingErrorAction

/** One token after another as text: never half a character, and never part of a stop text. */
internal class PieceStream(private val tables: GenerationTables, stops: List<String> = emptyList()) {
    /** A stop text came. */
    var stopped = false
        private set
    private val stops = stops.filter { it.isNotEmpty() }
    private val decoder = Charsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPLACE)
    private var strip = tables.strip
    private var unfinished = ByteArray(0) // may still become a character
    private var held = "" // could be the beginning of a stop text

    /** The text that is certain now. */
    fun add(token: Int): String {
        var bytes = tables.bytes(token)
        while (strip > 0 && bytes.isNotEmpty()) {
            if (bytes[0] != SPACE) {
                strip = 0
            } else {
                bytes = bytes.copyOfRange(1, bytes.size)
                strip--
            }
        }
        return certain(decoded(bytes, last = false))
    }

    /** What was held back, when no token follows. */
    fun end(): String {
        val rest = certain(decoded(ByteArray(0), last = true))
        val all = if (stopped) rest else rest + held
        held = ""
        return all
    }

    private fun decoded(bytes: ByteArray, last: Boolean): String {
        val given = ByteBuffer.wrap(unfinished + bytes)
        val made = CharBuffer.allocate(given.remaining() + 1)
        decoder.decode(given, made, last)
        if (last) decoder.flush(made)
        unfinished = ByteArray(given.remaining()).also { given.get(it) }
        made.flip()
        return made.toString()
    }

    private fun certain(piece: String): String {
        if (stopped) return ""
        val text = held + piece
        val found = stops.map { text.indexOf(it) }.filter { it >= 0 }.minOrNull()
        if (found != null) {
            stopped = true
            held = ""
            return text.substring(0, found)
        }
        val hold = stops.maxOfOrNull { stop -> (stop.length - 1 downTo 0).first { text.endsWith(stop.take(it)) } } ?: 0
        held = text.takeLast(hold)
        return text.dropLast(hold)
    }

    private companion object {
        const val SPACE: Byte = 0x20
    }
}
