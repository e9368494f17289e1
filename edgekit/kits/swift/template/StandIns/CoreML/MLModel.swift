// The names of Apple's Core ML that this package uses, with Apple's signatures, for Linux only: what compiles
// against them is likely, not certain, to compile against the real ones. Predictions are recorded answers.
import Foundation

public enum MLComputeUnits: Int, Sendable {
    case cpuOnly = 0, cpuAndGPU = 1, all = 2, cpuAndNeuralEngine = 3
}

open class MLModelConfiguration {
    open var computeUnits: MLComputeUnits = .all
    public init() {}
}

public struct MLModelError: LocalizedError {
    let reason: String
    public var errorDescription: String? { reason }
}

open class MLModel {
    private let answers: RecordedAnswers

    public class func compileModel(at modelURL: URL) async throws -> URL {
        let compiled = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(UUID().uuidString).mlmodelc", isDirectory: true)
        try FileManager.default.copyItem(at: modelURL, to: compiled)
        return compiled
    }

    public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {
        guard FileManager.default.fileExists(atPath: url.appendingPathComponent("Manifest.json").path) else {
            throw MLModelError(reason: "\(url.lastPathComponent) is no compiled model")
        }
        answers = try RecordedAnswers.load()
    }

    open func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider {
        try answers.answer(input)
    }
}
