import Foundation
import XCTest

@testable import KitModule

/// Texts that tell tokenizers apart, with the ids that the original gives them.
final class TokenizerTests: XCTestCase {
    func testEveryGoldenTextGetsTheOriginalsTokens() throws {
        let (tokenizer, golden) = try Self.tokenizerAndGolden()
        var compared = 0, wrong = 0
        for line in golden.split(separator: 10) {
            let vector = try XCTUnwrap(Vector(String(decoding: line, as: UTF8.self)))
            let made = try tokenizer.encode(vector.text, pair: vector.pair)
            compared += 1
            guard made.ids != vector.ids || made.types != vector.types else { continue }
            wrong += 1
            if wrong <= 10 { // a broken tokenizer would print thousands
                let texts = "\(vector.text.debugDescription) and \(vector.pair.debugDescription)"
                XCTFail("\(texts): \(made.ids), not \(vector.ids)")
            }
        }
        XCTAssertGreaterThan(compared, 0)
        XCTAssertEqual(wrong, 0, "of \(compared)")
        print("tokenizer: \(compared) golden texts, \(wrong) differ")
    }

    func testHexIsReadStrictly() {
        XCTAssertEqual(unhex("c3a9"), "é")
        XCTAssertEqual(unhex(""), "")
        XCTAssertEqual(unhex("6100")?.utf8.count, 2)
        for wrong in ["c3", "6", "zz", "ff"] { XCTAssertNil(unhex(wrong), wrong) }
    }

    /// The package's own, unless `EDGEKIT_TOKENIZER` names a folder with other tables and their golden.txt.
    private static func tokenizerAndGolden() throws -> (Tokenizer, Data) {
        if let path = ProcessInfo.processInfo.environment["EDGEKIT_TOKENIZER"] {
            let folder = URL(fileURLWithPath: path, isDirectory: true)
            let tokenizer = try Tokenizer.load { [UInt8](try Data(contentsOf: folder.appendingPathComponent($0))) }
            return (tokenizer, try Data(contentsOf: folder.appendingPathComponent("golden.txt")))
        }
        let golden = try XCTUnwrap(Bundle.module.url(forResource: "golden", withExtension: "txt"))
        return (try Tokenizer.load(), try Data(contentsOf: golden))
    }
}

/// `.<text as hex> .<pair as hex>|- <ids> <types>`
private struct Vector {
    let text: String
    let pair: String?
    let ids: [Int32]
    let types: [Int32]

    init?(_ line: String) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 4, words[0].hasPrefix("."), let text = unhex(words[0].dropFirst()) else { return nil }
        self.text = text
        if words[1] == "-" {
            pair = nil
        } else {
            guard let other = unhex(words[1].dropFirst()) else { return nil }
            pair = other
        }
        ids = words[2].split(separator: ",").compactMap { Int32($0) }
        types = words[3].split(separator: ",").compactMap { Int32($0) }
    }
}
