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

/// The caches of one text: here the tokens that they would be of.
open class MLState {
    var tokens: [Int32] = []
}

open class MLModel {
    private let recorded: Recorded

    private enum Recorded {
        case answers(RecordedAnswers)
        case logits(RecordedLogits)
    }

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
        guard let path = ProcessInfo.processInfo.environment["EDGEKIT_RECORDED_ANSWERS"] else {
            throw MLModelError(reason: "Core ML does not exist here: EDGEKIT_RECORDED_ANSWERS names no recording")
        }
        let file = try Data(contentsOf: URL(fileURLWithPath: path))
        recorded = file.first == UInt8(ascii: "{")
            ? .answers(try JSONDecoder().decode(RecordedAnswers.self, from: file)) : .logits(try RecordedLogits(file))
    }

    open func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider {
        guard case .answers(let answers) = recorded else { throw MLModelError(reason: "this model has a state") }
        return try answers.answer(input)
    }

    open func makeState() -> MLState { MLState() }

    open func prediction(
        from inputFeatures: any MLFeatureProvider, using state: MLState
    ) throws -> any MLFeatureProvider {
        guard case .logits(let logits) = recorded else { throw MLModelError(reason: "this model has no state") }
        return try logits.answer(inputFeatures, state)
    }
}
