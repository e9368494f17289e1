import CoreML

/// What may execute the model. Core ML chooses among what it is allowed, operation by operation.
public enum ComputeUnits: String, CaseIterable, Codable, Sendable {
    case all, cpuOnly, cpuAndGPU, cpuAndNeuralEngine

    var coreML: MLComputeUnits {
        switch self {
        case .all: return .all
        case .cpuOnly: return .cpuOnly
        case .cpuAndGPU: return .cpuAndGPU
        case .cpuAndNeuralEngine: return .cpuAndNeuralEngine
        }
    }
}
