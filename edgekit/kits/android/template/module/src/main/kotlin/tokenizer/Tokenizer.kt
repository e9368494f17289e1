package edgekit.kit

/** An encoded text, or a pair of them. [ends]: behind how many code points of its text each ends; 0: special. */
internal class Tokens(val ids: IntArray, val types: IntArray, val ends: IntArray) {
    val size get() = ids.size

    /** The model's input of this name. */
    fun input(name: String): IntArray = when (name) {
        "input_ids" -> ids
        "token_type_ids" -> types
        "attention_mask" -> IntArray(size) { 1 }
        else -> throw IllegalArgumentException("The model has an input $name that no tokenizer gives.")
    }
}

/**
 * What the tables of a kit describe. It asks nothing of the device's Unicode, whose version is another on every
 * device; docs/kit-tokenizer.md of edgekit describes the tables. Safe to share between threads.
 */
internal class Tokenizer private constructor(private val table: Table) {

    /**
     * Token ids, special tokens included, cut to the table's limit.
     *
     * @throws IllegalArgumentException the text that may be cut is too short to make room for the rest.
     */
    fun encode(text: String, pair: String? = null): Tokens {
        val parts = listOfNotNull(text, pair).map { tokens(it) }
        val template = if (pair == null) table.single else table.pair
        val special = (0 until template.size step 3).count { template[it] == SPECIAL }
        val kept = kept(parts.map { it.size }, special)
        val size = special + kept.sumOf { it.last - it.first + 1 }
        val made = Tokens(IntArray(size), IntArray(size), IntArray(size))
        var at = 0
        for (i in template.indices step 3) {
            val (kind, id, type) = template.copyOfRange(i, i + 3)
            val places = if (kind == SPECIAL) 0..0 else kept[kind - 1]
            for (place in places) {
                made.ids[at] = if (kind == SPECIAL) id else parts[kind - 1].id(place)
                made.ends[at] = if (kind == SPECIAL) 0 else parts[kind - 1].end(place)
                made.types[at++] = type
            }
        }
        return made
    }

    /** Token ids of a text with nothing around them, and not cut. */
    fun plain(text: String): IntArray = tokens(text).let { found -> IntArray(found.size) { found.id(it) } }

    private fun tokens(text: String): Ids {
        var pieces = listOf(Piece(codesOf(text), first = true)).filter { it.codes.isNotEmpty() }
        for (step in table.steps) {
            val next = ArrayList<Piece>()
            for (piece in pieces) {
                if (piece.token >= 0) next.add(piece) else step.apply(piece) { if (it.codes.isNotEmpty()) next.add(it) }
            }
            pieces = next
        }
        val ids = Ids()
        for (piece in pieces) {
            if (piece.token >= 0) ids.add(piece.token, end(piece.codes.last())) else table.model.encode(piece.codes, ids)
        }
        return ids
    }

    /** Which tokens of each part are kept. */
    private fun kept(sizes: List<Int>, special: Int): List<IntRange> {
        val lengths = sizes.toIntArray()
        val room = table.limit - special
        require(room >= 0) { "The special tokens alone are more than the limit." }
        val over = lengths.sum() - room
        if (over > 0) cut(lengths, room, over)
        return lengths.indices.map {
            if (table.fromLeft) sizes[it] - lengths[it] until sizes[it] else 0 until lengths[it]
        }
    }

    private fun cut(lengths: IntArray, room: Int, over: Int) {
        if (room == 0) {
            lengths.fill(0)
        } else if (table.strategy == LONGEST_FIRST && lengths.size == 2) {
            // The longer one gives until they are even, then both.
            val short = if (lengths[0] > lengths[1]) 1 else 0
            val long = 1 - short
            lengths[long] = maxOf(lengths[short], room - lengths[short])
            if (lengths.sum() > room) {
                lengths[short] = room / 2
                lengths[long] = room - room / 2
            }
        } else {
            val gives = if (table.strategy == ONLY_SECOND) 1 else 0
            require(gives < lengths.size && lengths[gives] > over) {
                "The text that may be cut is too short to make room for the rest."
            }
            lengths[gives] -= over
        }
    }

    companion object {
        private const val SPECIAL = 0 // an item of a template that is one token; 1 is the text, 2 its pair
        private const val LONGEST_FIRST = 0
        private const val ONLY_SECOND = 2

        fun load(assets: Assets): Tokenizer = Tokenizer(Table.read(assets))
    }
}
