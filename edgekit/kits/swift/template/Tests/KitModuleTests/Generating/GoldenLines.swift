import Foundation
import KitModuleBenchmark
import XCTest

@testable import KitModule

/// Lines of generation-golden.txt that begin with a word, as their other words.
func goldenLines(_ word: String) throws -> [[Substring]] {
    let url = try XCTUnwrap(Bundle.module.url(forResource: "generation-golden", withExtension: "txt"))
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        return words[0] == word ? Array(words.dropFirst()) : nil
    }
}

/// A list of numbers; "-": none.
func list<Number: LosslessStringConvertible>(_ word: Substring) throws -> [Number] {
    if word == "-" { return [] }
    return try word.split(separator: ",").map { try XCTUnwrap(Number(String($0)), String($0)) }
}

/// A text as UTF-8 hex; "-": empty.
func text(_ word: some StringProtocol) throws -> String {
    word == "-" ? "" : try XCTUnwrap(unhex(word))
}

/// A list of texts; as "-" is both, an empty list is one empty text.
func texts(_ word: Substring) throws -> [String] {
    try word.split(separator: ",").map { try text($0) }
}
