/// Tells what a clip is of. Share one among tasks: it is safe, and loading takes time.
public struct AudioClassifier: Sendable {
    private let model: AudioModel

    /// Opens the model; the first time on a device it is compiled, which takes seconds.
    public static func load(computeUnits: ComputeUnits = .all) async throws -> AudioClassifier {
        AudioClassifier(model: try await AudioModel.load(computeUnits))
    }

    /// What the model hears of a clip: of a longer one the middle, and silence around a shorter one.
    public static var seconds: Double { Double(KitInfo.samples) / Double(KitInfo.samplingRate) }

    /// The probability of every label; together they are 1. The clip may be of any length and rate.
    ///
    /// - Parameters:
    ///   - samples: from -1 to 1; 16-bit integers are divided by 32,768.
    ///   - sampleRate: samples a second.
    /// - Throws: `KitError.noClip`: there is no sample, or the rate is none.
    public func classify(samples: [Float], sampleRate: Int) async throws -> [Label: Float] {
        try await classify(channels: [samples], sampleRate: sampleRate)
    }

    /// The same of several channels, which are averaged.
    public func classify(channels: [[Float]], sampleRate: Int) async throws -> [Label: Float] {
        try await classify(Clip(channels, rate: sampleRate))
    }

    /// The most probable labels, best first.
    public func top(
        _ count: Int = 1, samples: [Float], sampleRate: Int
    ) async throws -> [(label: Label, probability: Float)] {
        try await top(count, of: Clip([samples], rate: sampleRate))
    }

    func classify(_ clip: Clip) async throws -> [Label: Float] {
        Dictionary(uniqueKeysWithValues: zip(Label.allCases, try await model.answer(clip)))
    }

    func top(_ count: Int, of clip: Clip) async throws -> [(label: Label, probability: Float)] {
        let ranked = zip(Label.allCases, try await model.answer(clip)).sorted { $0.1 > $1.1 }
        return ranked.prefix(max(count, 0)).map { (label: $0.0, probability: $0.1) }
    }
}
