package edgekit.kit

/** The machine that is measured, as it describes itself. */
internal interface Device {
    /** The `device` object of a result. */
    val description: Map<String, Any?>

    /** How far the system holds the processor back because it is hot; null where it doesn't say. */
    val thermalState: String?

    /** Resident memory of this process at its highest so far. */
    val peakBytes: Long?
}

/** The value below which [percent] of the values lie, between two neighbours in proportion (as NumPy's default). */
internal fun percentile(values: List<Long>, percent: Int): Double {
    val sorted = values.sorted()
    val place = percent / 100.0 * (sorted.size - 1)
    val below = place.toInt()
    val above = minOf(below + 1, sorted.size - 1)
    return sorted[below] + (sorted[above] - sorted[below]) * (place - below)
}
