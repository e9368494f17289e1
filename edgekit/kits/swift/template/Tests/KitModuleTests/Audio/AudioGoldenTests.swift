import Foundation
import XCTest

@testable import KitModule

/// Of sums of floating-point numbers in another order.
private let close: Float = 1e-6

/// Clips that tell resamplers apart, with the samples that Python's front end makes of them.
final class AudioGoldenTests: XCTestCase {
    func testEveryGoldenClipGetsTheOriginalsSamples() throws {
        let file = try XCTUnwrap(Bundle.module.url(forResource: "golden", withExtension: "txt"))
        var compared = 0, worst: Float = 0
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ").map { String($0) }
            let numbers = words[..<7].compactMap { Int($0) }
            let (count, rate, hearing) = (numbers[1], numbers[3], Hearing(rate: numbers[4], samples: numbers[5]))
            let noise = noise(seed: numbers[0], count: count * numbers[2])
            let channels = (0..<count).map { first in stride(from: first, to: noise.count, by: count).map { noise[$0] } }
            let clip = try Clip(channels, rate: rate)
            let made = samples(of: clip, for: hearing, by: Filter(from: rate, to: hearing.rate))
            XCTAssertEqual(made.count, hearing.samples)
            let kept = floats(try XCTUnwrap(Data(base64Encoded: words[7])))
            XCTAssertEqual(kept.count, (hearing.samples + numbers[6] - 1) / numbers[6])
            for (place, value) in kept.enumerated() {
                worst = max(worst, abs(made[place * numbers[6]] - value))
            }
            XCTAssertLessThanOrEqual(worst, close, "\(numbers)")
            compared += 1
        }
        XCTAssertGreaterThan(compared, 0)
        print("samples: \(compared) golden clips compared, largest difference \(worst)")
    }

    func testWhatIsNoClipIsRefused() {
        let given: [([[Float]], Int)] = [
            ([], 8000), ([[]], 8000), ([[0]], 0), ([[0]], -8000), ([[0]], 1_000_000), ([[0, 0], [0]], 8000),
        ]
        for (channels, rate) in given {
            XCTAssertThrowsError(try Clip(channels, rate: rate)) {
                let frames = channels.first?.count ?? 0
                XCTAssertEqual($0 as? KitError, .noClip(channels: channels.count, frames: frames, rate: rate))
            }
        }
    }
}

/// The high halves of Marsaglia's xorshift32 (2003), as 16-bit samples.
private func noise(seed: Int, count: Int) -> [Float] {
    var state = UInt32(seed)
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 17
        state ^= state << 5
        return Float(Int16(bitPattern: UInt16(state >> 16))) / 32_768
    }
}

/// Little-endian.
private func floats(_ data: Data) -> [Float] {
    let bytes = [UInt8](data)
    return stride(from: 0, to: bytes.count, by: 4).map { place in
        Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * UInt32($1)) })
    }
}
