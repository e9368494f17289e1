import KitModuleBenchmark
import XCTest

@testable import KitModule

final class ImageModelTests: XCTestCase {
    func testTheModelGivesTheAnswersThatWereVerified() async throws {
        let samples = try recorded()
        let model = try await ImageModel.load(.all)
        for (place, sample) in samples.enumerated() {
            assertClose(try await model.answer(sample.image), sample.output!, "image \(place)")
        }
    }

    func testOneModelServesManyTasks() async throws {
        let samples = try recorded()
        let model = try await ImageModel.load(.all)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (place, sample) in samples.enumerated() {
                group.addTask {
                    assertClose(try await model.answer(sample.image), sample.output!, "image \(place)")
                }
            }
            try await group.waitForAll()
        }
    }
}
