import XCTest

@testable import KitModule
@testable import KitModuleBenchmark

final class FigureTests: XCTestCase {
    func testPercentilesLieBetweenNeighbours() {
        XCTAssertEqual(percentile([40, 10, 30, 20], 50), 25)
        XCTAssertEqual(percentile([40, 10, 30, 20], 90), 37, accuracy: 1e-9)
        XCTAssertEqual(percentile([7], 99), 7)
    }

    func testHexIsReadStrictly() {
        XCTAssertEqual(unhex("c3a9"), "é")
        XCTAssertEqual(unhex(""), "")
        XCTAssertEqual(unhex("6100")?.utf8.count, 2)
        for wrong in ["c3", "6", "zz", "ff"] { XCTAssertNil(unhex(wrong), wrong) }
    }
}
