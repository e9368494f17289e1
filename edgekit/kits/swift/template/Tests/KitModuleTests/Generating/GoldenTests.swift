import XCTest

@testable import KitModule

/// What edgekit's Python gives for the same, line by line.
final class GoldenTests: XCTestCase {
    func testPromptsAndConversationsBecomeTheOriginalsTokens() async throws {
        let generator = try await openGenerator()
        var compared = 0
        for words in try goldenLines("prompt") {
            XCTAssertEqual(generator.ids(try text(words[0])), try list(words[1]), String(words[0]))
            compared += 1
        }
        for words in try goldenLines("chat") {
            let messages = try words[0].split(separator: ",").map { turn in
                let said = turn.split(separator: ":", omittingEmptySubsequences: false)
                return Message(try XCTUnwrap(Message.Role(rawValue: String(said[0]))), try text(said[1]))
            }
            XCTAssertEqual(try generator.ids(messages), try list(words[1]), String(words[0]))
            compared += 1
        }
        XCTAssertGreaterThan(compared, 0)
        print("prompts: \(compared) compared")
    }

    func testTokensBecomeTheOriginalsText() throws {
        let tables = try GenerationTables(KitFiles.bytes("generation.txt"))
        let pieces = try Pieces(KitFiles.bytes("pieces.txt"))
        let lines = try goldenLines("stream")
        for words in lines {
            var stream = PieceStream(pieces, strip: tables.strip, stop: try texts(words[0]))
            var given: [String] = []
            for token in try list(words[1]) as [Int32] { given.append(stream.add(token)) }
            given.append(stream.end())
            XCTAssertEqual(given.map { Array($0.utf8) }, try texts(words[2]).map { Array($0.utf8) }, "\(words)")
        }
        XCTAssertFalse(lines.isEmpty)
        print("streams: \(lines.count) compared")
    }

    func testTheSameTokensAreDrawn() throws {
        let lines = try goldenLines("choose")
        for words in lines {
            var options = GenerationOptions()
            options.repetitionPenalty = try XCTUnwrap(Double(words[0]))
            options.temperature = try XCTUnwrap(Double(words[1]))
            options.topK = try XCTUnwrap(Int(words[2]))
            options.topP = try XCTUnwrap(Double(words[3]))
            options.minP = try XCTUnwrap(Double(words[4]))
            options.seed = try XCTUnwrap(UInt64(words[5]))
            try options.check()
            var sampler = Sampler(options)
            let seen = Set(try list(words[6]) as [Int32])
            let logits: [Float] = try list(words[7])
            let expected: [Int32] = try list(words[8])
            let drawn = try expected.map { _ in try sampler.choose(logits, seen: seen) }
            XCTAssertEqual(drawn, expected, "\(words.prefix(7))")
        }
        XCTAssertFalse(lines.isEmpty)
        print("choices: \(lines.count) compared")
    }
}
