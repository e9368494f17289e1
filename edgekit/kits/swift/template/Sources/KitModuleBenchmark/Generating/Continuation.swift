import Foundation
import KitModule

/// What was verified that the model writes on after a prompt, each time the likeliest token.
package struct Continuation: Sendable {
    package let prompt: [Int32]
    package let tokens: [Int32] // a stop token included
    package let margins: [Float] // logits between each token and the second likeliest

    /// Logits that another processor's way of rounding may move: after such a near tie texts may go apart.
    static let tie: Float = 0.1

    /// The package's own.
    package static func all() throws -> [Continuation] {
        try String(contentsOf: file(), encoding: .utf8).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 4, words[0] == "greedy" else { return nil }
            func list<Number: LosslessStringConvertible>(_ word: Substring) -> [Number] {
                word.split(separator: ",").compactMap { Number(String($0)) }
            }
            return Continuation(prompt: list(words[3]), tokens: list(words[1]), margins: list(words[2]))
        }
    }

    package static func file() throws -> URL {
        guard let url = Bundle.module.url(forResource: "continuations", withExtension: "txt") else {
            throw KitError.missingFile("continuations.txt")
        }
        return url
    }

    /// How many of the verified tokens another text shares with this one, and of how many it should have.
    package func same(as other: [Int32]) -> (same: Int, of: Int) {
        let same = zip(tokens, other).prefix { $0 == $1 }.count
        let isTie = margins.indices.contains(same) && margins[same] < Self.tie
        return (same, isTie ? same : tokens.count)
    }
}
