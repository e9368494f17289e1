import Foundation
import KitModuleBenchmark
import XCTest

@testable import KitModule

final class ModelTests: XCTestCase {
    func testTextsBecomeTheTokensThatWereRecorded() throws {
        let tokenizer = try Tokenizer.load()
        for sample in try recorded() {
            let tokens = try tokenizer.encode(sample.text, pair: sample.pair)
            for (name, expected) in sample.tokens {
                XCTAssertEqual(tokens.input(name), expected, "\(name) of \(sample.text.debugDescription)")
            }
        }
    }

    func testTheModelGivesTheAnswersThatWereVerified() async throws {
        let samples = try recorded()
        let model = try await TextModel.load(.all)
        for sample in samples {
            let given = try await model.run(model.encode(sample.text, pair: sample.pair))
            assertClose(given, sample.output!, sample.text.debugDescription)
        }
    }

    func testOneModelServesManyTasks() async throws {
        let samples = try recorded()
        let model = try await TextModel.load(.all)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sample in samples.prefix(16) {
                group.addTask {
                    let given = try await model.run(model.encode(sample.text, pair: sample.pair))
                    assertClose(given, sample.output!, sample.text.debugDescription)
                }
            }
            try await group.waitForAll()
        }
    }
}
