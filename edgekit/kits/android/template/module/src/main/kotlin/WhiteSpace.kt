package edgekit.kit

/** What Python's str.split and str.strip take for white space; java.lang.Character's is another set. */
internal val WHITE_SPACE = CharArray(29).also { spaces ->
    val points = (9..13) + (0x1c..0x20) + listOf(0x85, 0xa0, 0x1680) + (0x2000..0x200a) +
        listOf(0x2028, 0x2029, 0x202f, 0x205f, 0x3000)
    points.forEachIndexed { i, point -> spaces[i] = point.toChar() }
}
