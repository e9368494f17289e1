/// How an image becomes what the model reads, in pixels.
struct Preparation: Sendable {
    let size: Int // side of the square that the model reads
    let shortestEdge: Int // what the shorter side is brought to before the middle is cut out
}

/// Of a place: the first source place, and the weights from there on; none of a place outside the image.
private struct Taps {
    var first = 0
    var weights: [Int] = []

    var end: Int { first + weights.count }
}

private let channels = 3
private let precisionBits = 32 - 8 - 2

/// Red, green and blue planes of size × size, 0 to 255; black where the cut is larger than the image.
///
/// The filter is Pillow's bilinear one (src/libImaging/Resample.c): weights are rounded to 22 bits, rows are resized
/// first and rounded to 8 bits, then columns. Pixels are those of Python to the last bit. Nothing outside the cut is
/// computed. Opacity is left out.
func planes(of image: Pixels, by preparation: Preparation) -> [UInt8] {
    let size = preparation.size, short = min(image.width, image.height)
    let columns = cut(image.width, image.width * preparation.shortestEdge / short, size)
    let rows = cut(image.height, image.height * preparation.shortestEdge / short, size)
    let used = rows.filter { !$0.weights.isEmpty }
    let top = used.map(\.first).min() ?? 0, bottom = used.map(\.end).max() ?? 0
    var plane = [UInt8](repeating: 0, count: (bottom - top) * size)
    var made = [UInt8](repeating: 0, count: channels * size * size)
    for channel in 0..<channels {
        image.values.withUnsafeBufferPointer { values in
            for y in top..<bottom {
                for (x, taps) in columns.enumerated() {
                    let first = image.step * (y * image.width + taps.first) + channel
                    plane[(y - top) * size + x] = weighted(values, from: first, step: image.step, taps.weights)
                }
            }
        }
        plane.withUnsafeBufferPointer { values in
            for (y, taps) in rows.enumerated() {
                for x in 0..<size {
                    let first = (taps.first - top) * size + x
                    made[(channel * size + y) * size + x] = weighted(values, from: first, step: size, taps.weights)
                }
            }
        }
    }
    return made
}

/// The taps of the middle `size` places, when `source` places become `target`.
private func cut(_ source: Int, _ target: Int, _ size: Int) -> [Taps] {
    let first = (target - size) >> 1 // rounded down, below 0 too
    return (first..<first + size).map { place in
        (0..<target).contains(place) ? taps(source, target, place) : Taps()
    }
}

/// In Pillow's order of operations.
private func taps(_ source: Int, _ target: Int, _ place: Int) -> Taps {
    let scale = Double(source) / Double(target)
    let support = max(scale, 1) // of a triangle filter: half its width
    let centre = (Double(place) + 0.5) * scale
    let begin = max(Int(centre - support + 0.5), 0)
    let end = min(Int(centre + support + 0.5), source)
    let narrowing = 1 / support
    let weights = (begin..<end).map { max(0, 1 - abs((Double($0) - centre + 0.5) * narrowing)) }
    let total = weights.reduce(0, +)
    return Taps(first: begin, weights: weights.map { Int(0.5 + $0 / total * Double(1 << precisionBits)) })
}

/// Rounded, and cut off at 255.
private func weighted(_ values: UnsafeBufferPointer<UInt8>, from first: Int, step: Int, _ weights: [Int]) -> UInt8 {
    var total = 1 << (precisionBits - 1), place = first
    for weight in weights {
        total += Int(values[place]) * weight
        place += step
    }
    return UInt8(min(total >> precisionBits, 255))
}
