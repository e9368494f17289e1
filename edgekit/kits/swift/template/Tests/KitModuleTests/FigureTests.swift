import XCTest

@testable import KitModuleBenchmark

final class FigureTests: XCTestCase {
    func testPercentilesLieBetweenNeighbours() {
        XCTAssertEqual(percentile([40, 10, 30, 20], 50), 25)
        XCTAssertEqual(percentile([40, 10, 30, 20], 90), 37, accuracy: 1e-9)
        XCTAssertEqual(percentile([7], 99), 7)
    }

    func testSpreadIsOfASample() throws {
        XCTAssertEqual(try XCTUnwrap(standardDeviation([1, 5, 3])), 2, accuracy: 1e-9)
        XCTAssertNil(standardDeviation([7]))
    }
}
