import Foundation
import KitModuleBenchmark

@testable import KitModule

/// Tells the stand-in for Core ML, on Linux, to replay the continuations that were verified.
///
/// - Parameters:
///   - otherwise: the token that it finds likeliest after anything else; nil: it has no answer.
///   - pause: seconds that each call takes.
func replayContinuations(otherwise: Int32? = nil, pause: Double = 0) throws {
    #if os(Linux)
    let tables = try GenerationTables(KitFiles.bytes("generation.txt"))
    var recording = "vocabulary \(tables.vocabulary)\ncontext \(tables.context)\npause \(pause)\n"
    if let otherwise { recording += "otherwise \(otherwise)\n" }
    recording += try String(contentsOf: Continuation.file(), encoding: .utf8)
    let name = "edgekit-recording-\(ProcessInfo.processInfo.processIdentifier).txt"
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(name)
    try Data(recording.utf8).write(to: file)
    setenv("EDGEKIT_RECORDED_ANSWERS", file.path, 1)
    #endif
}

func openGenerator(otherwise: Int32? = nil, pause: Double = 0) async throws -> Generator {
    try replayContinuations(otherwise: otherwise, pause: pause)
    return try await Generator.load()
}

/// A token with a text, which ends nothing.
func plainToken() throws -> Int32 {
    let tables = try GenerationTables(KitFiles.bytes("generation.txt"))
    let pieces = try Pieces(KitFiles.bytes("pieces.txt"))
    return (0..<Int32(tables.vocabulary)).first { token in
        !tables.stopTokens.contains(token) && pieces[token].contains { $0 > 64 && $0 < 128 }
    } ?? 0
}
