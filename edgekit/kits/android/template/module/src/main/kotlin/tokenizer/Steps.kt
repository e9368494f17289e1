package edgekit.kit

/** Part of a text. [first]: the original text begins with it. [token]: it is this added token; −1: it is not read yet. */
internal class Piece(val codes: Codes, val first: Boolean, val token: Int = -1)

/** A line of the table: takes a piece and gives its pieces. */
internal fun interface Step {
    fun apply(piece: Piece, give: (Piece) -> Unit)
}

/** A step that changes code points only. */
internal fun onCodes(change: (Codes) -> Codes) = Step { piece, give -> give(Piece(change(piece.codes), piece.first)) }

/** `map`: a piece that loses its first code point no longer begins the text. */
internal fun mapping(map: CodeMap) = Step { piece, give ->
    give(Piece(map.apply(piece.codes), piece.first && !map.drops(code(piece.codes[0]))))
}

/** `order`: canonical ordering, which sorts code points between those of class 0. */
internal fun order(classes: Runs) = onCodes { codes ->
    val made = codes.copyOf()
    for (i in 1 until made.size) { // runs are short: insertion keeps equal ones in their order
        val moving = made[i]
        val kind = classes[code(moving)]
        var at = i
        while (kind != 0 && at > 0 && classes[code(made[at - 1])] > kind) made[at] = made[--at]
        made[at] = moving
    }
    made
}

/** `compose`: canonical composition with the last code point of class 0, unless something blocks it. */
internal fun compose(joined: Compositions, classes: Runs) = onCodes { codes ->
    val made = CodesBuilder(codes.size)
    var starter = -1
    for (packed in codes) {
        val kind = classes[code(packed)]
        val blocked = starter < 0 ||
            (starter < made.size - 1 && classes[code(made[made.size - 1])] >= kind)
        val both = if (blocked) -1 else joined.of(code(made[starter]), code(packed))
        if (both >= 0) {
            made[starter] = packed(both, end(packed))
            continue
        }
        made.add(packed)
        if (kind == 0) starter = made.size - 1
    }
    made.codes()
}

/** `strip`: without the spaces around it. */
internal fun strip(left: Boolean, right: Boolean, spaces: Runs) = Step { piece, give ->
    var from = 0
    var to = piece.codes.size
    while (left && from < to && spaces[code(piece.codes[from])] != 0) from++
    while (right && to > from && spaces[code(piece.codes[to - 1])] != 0) to--
    give(Piece(piece.codes.copyOfRange(from, to), piece.first && from == 0))
}

/** `prepend`: "always", "unless" it is there, or "first": unless it is there, where the text begins. */
internal fun prepend(content: IntArray, condition: String) = Step { piece, give ->
    val there = piece.codes.size >= content.size && content.indices.all { code(piece.codes[it]) == content[it] }
    if (condition != "always" && (there || (condition == "first" && !piece.first))) return@Step give(piece)
    // Where `tokenizers` says that they are: a mark lies with the first code point, a space is trimmed away.
    val where = if (content.contentEquals(intArrayOf(0x20))) 0 else end(piece.codes[0])
    val before = LongArray(content.size) { packed(content[it], where) }
    give(Piece(before + piece.codes, piece.first))
}

/** `replace`: the content for every match. */
internal fun replace(matcher: Matcher, content: IntArray) = onCodes { codes ->
    val made = CodesBuilder(codes.size)
    matcher.parts(codes) { matches, from, to ->
        if (matches) {
            for (code in content) made.add(packed(code, end(codes[to - 1])))
        } else {
            for (i in from until to) made.add(codes[i])
        }
    }
    made.codes()
}

/** `split`: matches (1), what lies between (2), or both (3) as pieces. */
internal fun split(matcher: Matcher, mode: Int) = Step { piece, give ->
    matcher.parts(piece.codes) { matches, from, to ->
        if (mode and (if (matches) 1 else 2) != 0) {
            give(Piece(piece.codes.copyOfRange(from, to), piece.first && from == 0))
        }
    }
}

/** `bytes`: every byte of the UTF-8 text as the code point that stands for it. */
internal fun spell(alphabet: IntArray) = onCodes { codes ->
    val made = CodesBuilder(2 * codes.size)
    for (packed in codes) {
        for (byte in utf8(code(packed))) made.add(packed(alphabet[byte.toInt() and 0xff], end(packed)))
    }
    made.codes()
}

internal fun utf8(code: Int): ByteArray = String(Character.toChars(code)).encodeToByteArray()
