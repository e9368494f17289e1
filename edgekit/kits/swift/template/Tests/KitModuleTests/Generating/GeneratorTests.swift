import KitModuleBenchmark
import XCTest

@testable import KitModule

final class GeneratorTests: XCTestCase {
    /// After a near tie another processor may go on otherwise; nothing is rounded on Linux.
    func testItWritesOnAsWasVerified() async throws {
        let generator = try await openGenerator()
        let known = try Continuation.all()
        for one in known {
            let told = Told()
            let options = GenerationOptions(maxTokens: one.tokens.count)
            let made = try await generator.write(one.prompt, options) { told.add($0) }
            let (same, expected) = one.same(as: made.tokens)
            XCTAssertEqual(same, expected, "\(made.tokens), not \(one.tokens)")
            XCTAssertEqual(told.text, made.text)
            XCTAssertEqual(made.promptTokens, one.prompt.count)
        }
        XCTAssertFalse(known.isEmpty)
    }

    func testWhatWasReadBeforeIsNotReadAgain() async throws {
        let generator = try await openGenerator()
        let one = try XCTUnwrap(Continuation.all().max { $0.tokens.count < $1.tokens.count })
        try XCTSkipIf(one.tokens.count < 3, "no continuation is longer")
        let options = GenerationOptions(maxTokens: 1)
        _ = try await generator.write(one.prompt, options) { _ in }
        // The conversation goes on with what was written.
        let longer = one.prompt + one.tokens.prefix(2)
        let second = try await generator.write(longer, options) { _ in }
        XCTAssertEqual(second.reusedTokens, one.prompt.count)
        // And is taken back to where it began.
        let third = try await generator.write(one.prompt, options) { _ in }
        XCTAssertEqual(third.reusedTokens, one.prompt.count - 1)
        let (same, expected) = one.same(as: third.tokens)
        XCTAssertEqual(same, min(expected, 1))
    }

    #if os(Linux) // what follows counts on the answers of the stand-in
    func testLongPromptsAreReadInParts() async throws {
        let generator = try await openGenerator(otherwise: try plainToken())
        let length = min(2 * DecoderEngine.piece + 7, generator.context - 3)
        let prompt = (0..<length).map { Int32($0 % 3) }
        let made = try await generator.write(prompt, GenerationOptions(maxTokens: 2)) { _ in }
        XCTAssertEqual(made.promptTokens, length)
        XCTAssertEqual(made.tokens.count, 2)
        XCTAssertEqual(made.stoppedBy, .length)
    }

    func testItEndsWhereTheContextDoes() async throws {
        let generator = try await openGenerator(otherwise: try plainToken())
        let prompt = [Int32](repeating: 1, count: generator.context - 2)
        let made = try await generator.write(prompt, GenerationOptions(maxTokens: 9)) { _ in }
        XCTAssertEqual(made.tokens.count, 2)
        XCTAssertEqual(made.stoppedBy, .context)
        await fails(.textTooLong(tokens: generator.context, context: generator.context)) {
            _ = try await generator.write(prompt + [1, 1], GenerationOptions()) { _ in }
        }
    }

    func testAStreamIsTheWholeTextAndSaysWhyItEnded() async throws {
        let token = try plainToken()
        let generator = try await openGenerator(otherwise: token)
        let options = GenerationOptions(maxTokens: 5)
        let told = Told()
        var pieces: [String] = []
        for try await piece in generator.generate("a b", options, onEnd: { told.add($0.text) }) { pieces.append(piece) }
        XCTAssertEqual(pieces.joined(), told.text)
        XCTAssertEqual(pieces.count, 5)
        let whole = try await generator.text(after: "a b", options)
        XCTAssertEqual(whole.text, told.text)

        // Its own text ends it: nothing of it is given out.
        let stopped = try await generator.text(after: "a b", GenerationOptions(maxTokens: 5, stop: [pieces[0]]))
        XCTAssertEqual(stopped.text, "")
        XCTAssertEqual(stopped.stoppedBy, .stopText)
    }

    func testLeavingTheLoopStopsIt() async throws {
        let generator = try await openGenerator(otherwise: try plainToken(), pause: 0.005)
        let ended = Told()
        let options = GenerationOptions(maxTokens: generator.context)
        for try await _ in generator.generate("a b", options, onEnd: { ended.add("\($0.stoppedBy)") }) { break }
        let task = Task { try await generator.text(after: "a b", options) }
        task.cancel()
        do {
            _ = try await task.value
            XCTFail("it was not cancelled")
        } catch is CancellationError {}
        // It waits for the one before, and works after it.
        let made = try await generator.text(after: "a b", GenerationOptions(maxTokens: 1))
        XCTAssertEqual(made.tokens.count, 1)
        XCTAssertEqual(ended.text, "", "the text was written to its end")
    }
    #endif

    func testWhatCanNotBeIsRefused() async throws {
        let generator = try await openGenerator()
        var wrong = GenerationOptions()
        wrong.topP = 0
        await fails(.optionOutOfRange("topP must be above 0 and at most 1")) { [wrong] in
            for try await _ in generator.generate("a", wrong) {}
        }
        for options in [
            GenerationOptions(maxTokens: 0), GenerationOptions(repetitionPenalty: 0),
            GenerationOptions(temperature: -.ulpOfOne), GenerationOptions(temperature: .nan),
            GenerationOptions(topK: -1), GenerationOptions(topP: 1.1), GenerationOptions(minP: -0.1),
        ] {
            XCTAssertThrowsError(try options.check())
        }
        await fails(generator.hasChat ? .nothingToRead : .noChat) { _ = try await generator.reply(to: []) }
        if generator.hasChat {
            await fails(.rolesOutOfOrder(before: "assistant", after: "assistant")) {
                _ = try await generator.reply(to: [
                    Message(.user, "a"), Message(.assistant, "b"), Message(.assistant, "c"),
                ])
            }
        }
    }

    func testHalfPrecisionIsReadRight() {
        let expected: [(UInt16, Float)] = [
            (0, 0), (0x8000, -0.0), (1, 0x1p-24), (0x03ff, 0x1.ff8p-15), (0x0400, 0x1p-14), (0x3c00, 1),
            (0xc248, -3.140625), (0x7bff, 65504), (0x7c00, .infinity), (0xfc00, -.infinity), (halfMasked, -30000),
        ]
        for (bits, value) in expected { XCTAssertEqual(Float(half: bits).bitPattern, value.bitPattern) }
        XCTAssertTrue(Float(half: 0x7e00).isNaN)
    }

    private func fails(_ expected: KitError, line: UInt = #line, _ work: () async throws -> Void) async {
        do {
            try await work()
            XCTFail("nothing failed", line: line)
        } catch {
            XCTAssertEqual(error as? KitError, expected, line: line)
            XCTAssertFalse(error.localizedDescription.isEmpty, line: line)
        }
    }
}

/// Collects texts from any thread.
private final class Told: @unchecked Sendable {
    private let lock = NSLock()
    private var parts: [String] = []

    func add(_ part: String) { lock.withLock { parts.append(part) } }
    var text: String { lock.withLock { parts.joined() } }
}
