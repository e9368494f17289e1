package edgekit.kit

import java.util.PriorityQueue

/** Byte-pair encoding: the pair that was learnt first is joined first (Sennrich et al., 2016). */
internal class Bpe(
    private val vocabulary: Vocabulary,
    merges: String,
    private val unknown: Int,
    private val fuseUnknown: Boolean,
    private val byteFallback: Boolean,
    private val wholeWords: Boolean,
) : WordModel {
    private val joined = HashMap<Long, Long>() // left and right id → rank and id

    init {
        var id = 0
        merges.split('\n').dropLast(1).forEachIndexed { rank, line ->
            val (left, right, difference) = ints(line)
            id += difference
            joined[both(left, right)] = both(rank, id)
        }
    }

    override fun encode(codes: Codes, out: Ids) {
        val text = Spelled(codes).text
        val whole = if (wholeWords) vocabulary[text] else -1
        if (whole >= 0) return out.add(whole, end(codes.last()))
        val ids = IntArray(4 * codes.size + 1) // a code point becomes four tokens at most, one may wait
        val ends = IntArray(ids.size)
        val size = symbols(codes, ids, ends)
        val after = IntArray(size) { it + 1 } // neighbours that are still there
        val before = IntArray(size) { it - 1 }
        val found = PriorityQueue<Join>()
        fun offer(at: Int) {
            if (at < 0 || after[at] >= size) return
            val result = joined[both(ids[at], ids[after[at]])] ?: return
            found.add(Join(rank = (result ushr 32).toInt(), at, ids[at], ids[after[at]], id = result.toInt()))
        }
        for (at in 0 until size) offer(at)
        while (found.isNotEmpty()) {
            val join = found.remove()
            val at = join.at
            val gone = after[at]
            if (ids[at] != join.left || gone >= size || ids[gone] != join.right) continue // joined meanwhile
            ids[at] = join.id
            ends[at] = ends[gone]
            ids[gone] = GONE
            after[at] = after[gone]
            if (after[at] < size) before[after[at]] = at
            offer(before[at])
            offer(at)
        }
        for (at in 0 until size) if (ids[at] != GONE) out.add(ids[at], ends[at])
    }

    /** Two neighbours that can be joined: the lowest rank first, of equal ones the leftmost. */
    private class Join(val rank: Int, val at: Int, val left: Int, val right: Int, val id: Int) : Comparable<Join> {
        override fun compareTo(other: Join): Int =
            if (rank != other.rank) rank.compareTo(other.rank) else at.compareTo(other.at)
    }

    /** What is there before joining. An unknown one waits, so that it can be fused with the next. */
    private fun symbols(codes: Codes, ids: IntArray, ends: IntArray): Int {
        var size = 0
        var waiting = -1 // where the unknown one ended
        fun add(id: Int, end: Int) {
            ids[size] = id
            ends[size++] = end
        }
        for (packed in codes) {
            val text = String(Character.toChars(code(packed)))
            val known = vocabulary[text]
            val bytes = if (known < 0 && byteFallback) vocabulary.bytes(text) else null
            when {
                known >= 0 -> {
                    if (waiting >= 0) add(unknown, waiting)
                    waiting = -1
                    add(known, end(packed))
                }
                bytes != null -> for (id in bytes) add(id, end(packed))
                unknown >= 0 -> {
                    if (waiting >= 0 && !fuseUnknown) add(unknown, waiting)
                    waiting = end(packed)
                }
            }
        }
        if (waiting >= 0) add(unknown, waiting)
        return size
    }

    private fun both(high: Int, low: Int): Long = (high.toLong() shl 32) or low.toLong()

    private companion object {
        const val GONE = -1
    }
}
