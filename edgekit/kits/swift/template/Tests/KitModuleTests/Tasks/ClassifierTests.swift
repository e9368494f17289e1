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

    func testTheTopLabelsComeBestFirst() async throws {
        let sample = try XCTUnwrap(recorded().first)
        let top = try await Classifier.load().top(2, of: sample.text, pair: sample.pair)
        XCTAssertEqual(top.count, min(2, Label.allCases.count))
        assertClose(top.map(\.probability), Array(sample.output!.sorted(by: >).prefix(2)), sample.text)
    }
}
