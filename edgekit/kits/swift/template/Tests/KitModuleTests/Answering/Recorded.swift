import Foundation
import KitModuleBenchmark
import XCTest

@testable import KitModule

/// The answers that were verified before this package was made; on Linux the stand-in for Core ML replays them.
func recorded() throws -> [Sample] {
    #if os(Linux)
    setenv("EDGEKIT_RECORDED_ANSWERS", try Sample.file().path, 1)
    #endif
    return try Sample.all().filter { $0.output != nil }
}

/// A device rounds in its own way: allowed is a twentieth of the answer's scale, and nothing on Linux.
func assertClose(_ given: [Float], _ expected: [Float], _ text: String, line: UInt = #line) {
    XCTAssertEqual(given.count, expected.count, text, line: line)
    #if os(Linux)
    let allowed: Float = 0
    #else
    let allowed = 0.05 * max(1, expected.map(abs).max() ?? 1)
    #endif
    for (a, b) in zip(given, expected) {
        XCTAssertEqual(a, b, accuracy: allowed, text, line: line)
    }
}
