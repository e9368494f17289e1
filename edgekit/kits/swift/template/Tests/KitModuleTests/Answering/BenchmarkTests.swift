import Foundation
import XCTest

@testable import KitModule
@testable import KitModuleBenchmark

final class BenchmarkTests: XCTestCase {
    func testEveryRowIsMeasuredOrSaysWhyNot() async throws {
        let samples = Array(try recorded().prefix(4))
        let benchmark = DeviceBenchmark(minimumSeconds: 0, warmup: 2, samples: samples)
        let result = await benchmark.run([.all, .cpuOnly])
        XCTAssertEqual(result.artifact.sha256, KitInfo.sha256)
        XCTAssertEqual(result.rows.map(\.computeUnits), ["all", "cpuOnly"])
        for row in result.rows {
            XCTAssertEqual(row.runs, samples.count)
            XCTAssertNotNil(row.p50Ms, row.notMeasured)
            XCTAssertEqual(row.answers?.samples, samples.count)
        }
        XCTAssertNotNil(result.rows[0].peakBytes)
        XCTAssertNil(result.rows[1].peakBytes)
        XCTAssertFalse(result.rows[1].notMeasured.isEmpty)
        XCTAssertEqual(try DeviceResult.read(result.json()).rows.count, 2)
    }
}
