import Foundation
import XCTest

@testable import TinyStories

/// Logits that a real model gave in Python, and what Python wrote with them: `EDGEKIT_RECORDED_LOGITS`.
final class RecordedTextTests: XCTestCase {
    func testTheSameTextsAreWritten() async throws {
        let path = try XCTUnwrap(ProcessInfo.processInfo.environment["EDGEKIT_RECORDED_LOGITS"])
        setenv("EDGEKIT_RECORDED_ANSWERS", path, 1)
        let generator = try await Generator.load()
        var compared = 0
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words[0] == "expect" else { continue }
            let numbers: [Double] = try list(words[1])
            let options = GenerationOptions(
                maxTokens: Int(numbers[0]), repetitionPenalty: numbers[1], temperature: numbers[2],
                topK: Int(numbers[3]), topP: numbers[4], minP: numbers[5], seed: UInt64(numbers[6]),
                stop: try texts(words[2]))
            let made = try await generator.write(try list(words[3]), options) { _ in }
            XCTAssertEqual(made.tokens, try list(words[4]))
            XCTAssertEqual(made.text, try text(words[5]))
            XCTAssertEqual(made.stoppedBy.rawValue, String(words[6]))
            XCTAssertEqual(made.reusedTokens, Int(words[7]))
            compared += 1
        }
        print("written: \(compared) texts compared")
    }
}
