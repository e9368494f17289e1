import XCTest

@testable import KitModule

final class RegressorTests: XCTestCase {
    func testTheNumberIsTheOneThatWasVerified() async throws {
        let samples = try recorded()
        let regressor = try await Regressor.load()
        for sample in samples {
            let value = try await regressor.predict(sample.text, pair: sample.pair)
            assertClose([value], sample.output!, sample.text.debugDescription)
        }
    }
}
