/// How the model is called, which tokens end a text, and what stands around what is said: generation.txt.
struct GenerationTables: Sendable {
    private(set) var context = 0 // tokens of a text, prompt included
    private(set) var vocabulary = 0
    private(set) var stopTokens: Set<Int32> = []
    private(set) var strip = 0 // spaces that an answer may lose at its beginning
    private(set) var inputs: [String: String] = [:] // what an input is for → its name
    private(set) var logits = ""
    private(set) var chat = ChatTemplate()

    init(_ file: [UInt8]) throws {
        for line in file.split(separator: 10).map({ TableLine($0) }) {
            let rest = line.rest
            switch line.word {
            case "format":
                guard rest == ["1"] else { throw Self.damaged(line) }
            case "context": context = line.numbers().first ?? 0
            case "vocabulary": vocabulary = line.numbers().first ?? 0
            case "stop": stopTokens = Set(line.numbers().map { Int32($0) })
            case "strip": strip = line.numbers().first ?? 0
            case "input" where rest.count == 2: inputs[rest[0]] = rest[1]
            case "logits" where rest.count == 1: logits = rest[0]
            case "joint" where rest.count == 3:
                guard let text = rest[2] == "-" ? "" : unhex(rest[2]) else { throw Self.damaged(line) }
                chat.joints[rest[0], default: [:]][rest[1]] = text
            case "trim": chat.trimmed = Set(rest)
            default: throw Self.damaged(line)
            }
        }
        guard context > 0, vocabulary > 0, !logits.isEmpty else { throw KitError.damagedFile("generation.txt") }
    }

    /// The name of the input that is for something.
    func input(_ role: String) throws -> String {
        guard let name = inputs[role] else { throw KitError.damagedFile("generation.txt (input \(role))") }
        return name
    }

    private static func damaged(_ line: TableLine) -> KitError {
        .damagedFile("generation.txt (line \(line.word) \(line.rest.prefix(2).joined(separator: " ")))")
    }
}
