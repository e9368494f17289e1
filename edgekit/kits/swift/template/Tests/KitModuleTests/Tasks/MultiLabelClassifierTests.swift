import XCTest

@testable import KitModule

typealias Label = Classifier.Label

final class ClassifierTests: XCTestCase {
    func testProbabilitiesBelongToTheirLabels() async throws {
        let samples = try recorded()
        let classifier = try await Classifier.load()
        for sample in samples {
            let answer = try await classifier.classify(sample.text, pair: sample.pair)
            assertClose(Label.allCases.map { answer[$0]! }, sample.output!, sample.text.debugDescription)
        }
    }

    func testLabelsAreThoseAboveTheThreshold() async throws {
        let sample = try XCTUnwrap(recorded().first)
        let (lowest, highest) = (sample.output!.min()!, sample.output!.max()!)
        let classifier = try await Classifier.load()
        let all = try await classifier.labels(of: sample.text, pair: sample.pair, above: lowest - 0.1)
        let none = try await classifier.labels(of: sample.text, pair: sample.pair, above: highest + 0.1)
        XCTAssertEqual(all, Set(Label.allCases))
        XCTAssertEqual(none, [])
    }
}
