import XCTest

@testable import KitModule

typealias Label = Tagger.Label

final class TaggerTests: XCTestCase {
    func testWordsCarryTheTagsThatWereRecorded() async throws {
        let samples = try recorded()
        let tagger = try await Tagger.load()
        for sample in samples {
            let tagged = try await tagger.tag(sample.text)
            XCTAssertEqual(tagged.map(\.label?.rawValue), sample.tags, sample.text.debugDescription)
        }
    }

    func testWordsAreWhatPythonSplits() {
        let words = Tagger.words("\u{1c}a\u{a0}b\u{200b}c\u{3000}\u{85}d\n").map { String($0) }
        XCTAssertEqual(words, ["a", "b\u{200b}c", "d"])
    }
}
