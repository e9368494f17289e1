package edgekit.kit

/** A token that is looked for in the text itself; [left] and [right]: it takes the spaces beside it. */
internal class AddedToken(
    val id: Int,
    val singleWord: Boolean,
    val left: Boolean,
    val right: Boolean,
    val codes: IntArray,
)

/** Cuts a piece around the added tokens in it: the leftmost first, of those the longest. */
internal class AddedTokens(tokens: List<AddedToken>, private val words: Runs, private val spaces: Runs) : Step {
    private val starting = tokens.sortedByDescending { it.codes.size }.groupBy { it.codes[0] }

    override fun apply(piece: Piece, give: (Piece) -> Unit) {
        val codes = piece.codes
        var done = 0 // where the last one's spaces end
        var at = 0
        fun giveBefore(to: Int) {
            if (done < to) give(Piece(codes.copyOfRange(done, to), piece.first && done == 0))
        }
        while (at < codes.size) {
            val token = starting[code(codes[at])]?.firstOrNull { isAt(codes, at, it) }
            if (token == null) {
                at++
                continue
            }
            var from = at
            var to = at + token.codes.size
            at = to
            if (token.singleWord && (among(words, codes, from - 1) || among(words, codes, to))) continue
            while (token.left && from > done && among(spaces, codes, from - 1)) from--
            while (token.right && among(spaces, codes, to)) to++
            giveBefore(from)
            give(Piece(codes.copyOfRange(from, to), piece.first && from == 0, token.id))
            done = to
        }
        giveBefore(codes.size)
    }

    private fun isAt(codes: Codes, at: Int, token: AddedToken): Boolean =
        at + token.codes.size <= codes.size && token.codes.indices.all { code(codes[at + it]) == token.codes[it] }

    private fun among(runs: Runs, codes: Codes, at: Int): Boolean = at in codes.indices && runs[code(codes[at])] != 0
}
