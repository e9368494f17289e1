package edgekit.kit

/** The high halves of Marsaglia's xorshift32 (2003). */
internal fun noise(seed: Int, count: Int): ShortArray {
    var state = seed
    return ShortArray(count) {
        state = state xor (state shl 13)
        state = state xor (state ushr 17)
        state = state xor (state shl 5)
        (state shr 16).toShort()
    }
}
