import XCTest

@testable import KitModule
@testable import KitModuleBenchmark

final class BenchmarkTests: XCTestCase {
    func testEveryRowIsMeasuredOrSaysWhyNot() async throws {
        try replayContinuations(otherwise: plainToken())
        let context = try GenerationTables(KitFiles.bytes("generation.txt")).context
        var benchmark = try DeviceBenchmark(minimumSeconds: 0, warmup: 0)
        (benchmark.newTokens, benchmark.leastRuns) = (3, 2)
        let result = await benchmark.run([.all, .cpuOnly])
        XCTAssertEqual(result.artifact.sha256, KitInfo.sha256)
        XCTAssertEqual(result.rows.map(\.computeUnits), ["all", "cpuOnly"])
        for row in result.rows {
            let measured = try XCTUnwrap(row.generation, row.notMeasured)
            XCTAssertEqual(measured.map(\.promptTokens), benchmark.lengths(context: context))
            XCTAssertTrue(measured.allSatisfy { $0.runs == 2 && $0.firstTokenP50Ms > 0 && $0.tokensPerSecond > 0 })
            XCTAssertEqual(row.answers?.samples, try Continuation.all().count)
            #if os(Linux)
            XCTAssertEqual(row.answers?.tokenAgreement, 1)
            #endif
        }
        XCTAssertNotNil(result.rows[0].peakBytes)
        XCTAssertNil(result.rows[1].peakBytes)
        let read = try DeviceResult.read(result.json())
        XCTAssertEqual(read.rows[0].generation?.map(\.runs), result.rows[0].generation?.map(\.runs))
    }

    func testPromptsLeaveRoomToWrite() throws {
        let benchmark = try DeviceBenchmark(minimumSeconds: 0, warmup: 0)
        XCTAssertEqual(benchmark.lengths(context: 2048), [128, 512])
        XCTAssertEqual(benchmark.lengths(context: 512), [128])
        XCTAssertEqual(benchmark.lengths(context: 100), [50])
    }

    func testContinuationsAreComparedUpToANearTie() {
        let one = Continuation(prompt: [1], tokens: [5, 6, 7, 8], margins: [1, 1, 0.01, 1])
        XCTAssertEqual(one.same(as: [5, 6, 7, 8]).of, 4)
        XCTAssertEqual(one.same(as: [5, 6, 9, 9]).of, 2)
        XCTAssertEqual(one.same(as: [5, 9, 9, 9]).same, 1)
        XCTAssertEqual(one.same(as: [5, 9, 9, 9]).of, 4)
    }
}
