import Foundation
import XCTest

@testable import KitModule

/// Images that tell resamplers apart, with the pixels that Python's front end makes of them.
final class ImageGoldenTests: XCTestCase {
    func testEveryGoldenImageGetsTheOriginalsPixels() throws {
        let file = try XCTUnwrap(Bundle.module.url(forResource: "golden", withExtension: "txt"))
        var compared = 0
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ").map { String($0) }
            let numbers = words[..<4].compactMap { Int($0) }
            let rgba = [UInt8](try XCTUnwrap(Data(base64Encoded: words[4])))
            let rgb = rgba.indices.filter { $0 % 4 != 3 }.map { rgba[$0] }
            let preparation = Preparation(size: numbers[3], shortestEdge: numbers[2])
            for values in [rgba, rgb] {
                let made = planes(of: try Pixels(values, width: numbers[0], height: numbers[1]), by: preparation)
                XCTAssertEqual(crc32(made), UInt32(words[5]), "\(numbers)")
                if words[6] != "-" { XCTAssertEqual(Data(made).base64EncodedString(), words[6], "\(numbers)") }
            }
            compared += 1
        }
        XCTAssertGreaterThan(compared, 0)
        print("pixels: \(compared) golden images compared")
    }

    func testWhatIsNoImageIsRefused() {
        for (count, width, height) in [(3, 2, 2), (0, 0, 0), (3, -1, -1), (20, 2, 2), (5, 2, 1), (9, .max, 3)] {
            XCTAssertThrowsError(try Pixels([UInt8](repeating: 0, count: count), width: width, height: height)) {
                XCTAssertEqual($0 as? KitError, .noImage(values: count, width: width, height: height))
            }
        }
    }
}

/// RFC 1952.
private func crc32(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in
        (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 1 ? 0xedb8_8320 : 0) }
    }
}
