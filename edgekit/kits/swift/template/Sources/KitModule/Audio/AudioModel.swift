import Foundation

/// Sound in, numbers out.
package struct AudioModel: Sendable {
    private let engine: Engine
    private let filters = Filters()

    package static func load(_ units: ComputeUnits) async throws -> AudioModel {
        AudioModel(engine: try await Engine.load(units))
    }

    /// The samples as the model reads them.
    package func prepare(_ clip: Clip) -> Tensor {
        let hearing = Hearing(rate: KitInfo.samplingRate, samples: KitInfo.samples)
        let filter = filters.filter(from: clip.rate, to: hearing.rate)
        let scalars = samples(of: clip, for: hearing, by: filter)
        return Tensor(name: KitInfo.inputs[0], shape: [1, hearing.samples], scalars: scalars)
    }

    package func run(_ tensor: Tensor) async throws -> [Float] {
        try await engine.run(tensor)
    }

    func answer(_ clip: Clip) async throws -> [Float] {
        try await run(prepare(clip))
    }
}

/// Keeps the filter of the last rate; the next clip is mostly of the same.
private final class Filters: @unchecked Sendable { // what changes is behind the lock
    private let lock = NSLock()
    private var known: (rate: Int, filter: Filter)?

    func filter(from rate: Int, to target: Int) -> Filter {
        lock.lock()
        defer { lock.unlock() }
        if let known, known.rate == rate { return known.filter }
        let filter = Filter(from: rate, to: target)
        known = (rate, filter)
        return filter
    }
}
