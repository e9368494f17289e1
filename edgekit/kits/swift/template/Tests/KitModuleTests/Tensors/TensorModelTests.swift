import XCTest

@testable import KitModule
@testable import KitModuleBenchmark

final class TensorModelTests: XCTestCase {
    func testTheModelGivesTheAnswersThatWereVerified() async throws {
        let samples = try recorded()
        let model = try await Measured.load(.all)
        for (place, sample) in samples.enumerated() {
            assertClose(try await model.run(model.prepare(sample)), sample.output!, "sample \(place)")
        }
    }

    func testOneModelServesManyTasks() async throws {
        let samples = try recorded()
        let model = try await Measured.load(.all)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (place, sample) in samples.enumerated() {
                group.addTask {
                    assertClose(try await model.run(model.prepare(sample)), sample.output!, "sample \(place)")
                }
            }
            try await group.waitForAll()
        }
    }
}
