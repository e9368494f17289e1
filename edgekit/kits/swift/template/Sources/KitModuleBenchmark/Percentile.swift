/// The value below which `percent` of the values lie, between two neighbours in proportion (as NumPy's default).
func percentile(_ values: [UInt64], _ percent: Double) -> Double {
    let sorted = values.sorted()
    let place = percent / 100 * Double(sorted.count - 1)
    let below = Int(place)
    let above = min(below + 1, sorted.count - 1)
    return Double(sorted[below]) + (Double(sorted[above]) - Double(sorted[below])) * (place - Double(below))
}

/// Of a sample; nil for a single value, which has no spread.
func standardDeviation(_ values: [Double]) -> Double? {
    guard values.count > 1 else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot()
}
