import Foundation

/// What the model hears.
struct Hearing: Sendable {
    let rate: Int // Hz
    let samples: Int // that the model reads
}

private let periods = 10 // of the lower rate, on either side of the filter's middle
private let beta = 5.0 // of the Kaiser window

/// A clip as the model reads it: channels averaged, resampled as scipy.signal.resample_poly does it, the middle cut
/// out, zeros around.
///
/// The filter is scipy's default: a sinc of ten periods of the lower rate on either side under a Kaiser window. Sums are
/// of 64 bits. Nothing outside the cut is computed.
func samples(of clip: Clip, for hearing: Hearing, by filter: Filter) -> [Float] {
    let up = filter.up, down = filter.down, half = filter.taps.count - 1
    let length = (clip.frames * up + down - 1) / down
    // Towards zero: a longer clip begins at the lower half, a shorter one has the lower half of zeros before.
    let first = (length - hearing.samples) / 2
    let begin = max(first, 0), end = min(first + hearing.samples, length)
    // The first frame at or after a place, and the one behind the last that is not after it.
    func firstFrame(_ place: Int) -> Int { place <= 0 ? 0 : (place + up - 1) / up }
    func endFrame(_ place: Int) -> Int { min(place / up + 1, clip.frames) }
    let low = firstFrame(begin * down - half)
    let averages = (low..<endFrame((end - 1) * down + half)).map { clip.mono($0) }
    var made = [Float](repeating: 0, count: hearing.samples)
    averages.withUnsafeBufferPointer { averages in
        filter.taps.withUnsafeBufferPointer { taps in
            for place in begin..<end {
                let centre = place * down // in steps of the rate that both divide
                var sum = 0.0
                for frame in firstFrame(centre - half)..<endFrame(centre + half) {
                    sum += taps[abs(centre - frame * up)] * averages[frame - low]
                }
                made[place - first] = Float(sum)
            }
        }
    }
    return made
}

/// A filter between two rates.
struct Filter: Sendable {
    let up: Int // the rates in lowest terms
    let down: Int
    let taps: [Double] // from its middle to its end; the other half is its mirror image

    init(from rate: Int, to target: Int) {
        let divisor = greatestDivisor(target, rate)
        (up, down) = (target / divisor, rate / divisor)
        taps = up == down ? [1] : windowedSinc(up, down)
    }
}

private func greatestDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestDivisor(b, a % b) }

/// Its sum, both halves together, is `up`.
private func windowedSinc(_ up: Int, _ down: Int) -> [Double] {
    let widest = max(up, down), half = periods * widest
    let taps = (0...half).map { place -> Double in
        let angle = Double.pi * Double(place) / Double(widest), share = Double(place) / Double(half)
        return (place == 0 ? 1 : sin(angle) / angle) * besselI0(beta * (1 - share * share).squareRoot())
    }
    let sum = taps.dropFirst().reduce(taps[0]) { $0 + 2 * $1 }
    return taps.map { $0 * Double(up) / sum }
}

/// The modified Bessel function of order 0: the sum of (x²/4)^k / (k!)².
private func besselI0(_ x: Double) -> Double {
    var sum = 1.0, term = 1.0, k = 1.0
    while term > 1e-17 * sum {
        let factor = x / (2 * k)
        term *= factor * factor
        sum += term
        k += 1
    }
    return sum
}
