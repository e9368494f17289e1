import Dispatch
import Foundation
import KitModule

/// edgekit's measuring protocol for a decoder on one device: a prompt of 128 and of 512 tokens is read, then 64
/// tokens are written, each time the likeliest. Tokenizing is left out, as everybody does.
public struct DeviceBenchmark: Sendable {
    public static let protocolName = "llm 1.0: a prompt, then 64 tokens one by one, each the likeliest"
    static let prompts = [128, 512]
    package static let usualWarmup = 1
    package static let option = "--texts"
    package static let usage = "--texts    a file whose text is the prompt, instead of the package's"

    public var minimumSeconds: Double
    public var warmup: Int
    package var text: String
    var newTokens = 64
    var leastRuns = 5

    /// - Parameters:
    ///   - minimumSeconds: for how long each length of prompt is measured; at least five times.
    ///   - warmup: untimed texts before the first timed one.
    public init(minimumSeconds: Double = 10, warmup: Int = 1) throws {
        try self.init(minimumSeconds: minimumSeconds, warmup: warmup, own: nil)
    }

    /// - Parameter own: a file of one's own; nil: the package's text.
    package init(minimumSeconds: Double, warmup: Int, own: URL?) throws {
        self.minimumSeconds = minimumSeconds
        self.warmup = warmup
        text = try own.map { try String(contentsOf: $0, encoding: .utf8) } ?? Self.story
    }

    /// Measures one compute unit after the other in this process.
    ///
    /// The peak of memory belongs to a process, so only the first row has one. `edgekit-bench` on a Mac measures
    /// each row in a process of its own; on an iPhone start the app once for each.
    public func run(_ units: [ComputeUnits] = [.all]) async -> DeviceResult {
        var rows: [DeviceResult.Row] = []
        for unit in units {
            rows.append(await row(unit, first: rows.isEmpty))
        }
        return DeviceResult(rows: rows)
    }

    private func row(_ units: ComputeUnits, first: Bool) async -> DeviceResult.Row {
        let before = CurrentDevice.thermalState
        do {
            _ = try await Generator.load(computeUnits: units) // compiled here, which opening is not about
            let start = DispatchTime.now().uptimeNanoseconds
            let generator = try await Generator.load(computeUnits: units)
            let loaded = DispatchTime.now().uptimeNanoseconds - start
            let answers = try await compare(generator)
            let ids = generator.ids(text)
            if ids.isEmpty { throw KitError.nothingToRead }
            var measured: [DeviceResult.Generation] = []
            for length in lengths(context: generator.context) {
                // Gone through again where the text is shorter.
                let prompt = (0..<length).map { ids[$0 % ids.count] }
                measured.append(try await measure(generator, prompt))
            }
            return made(
                units, loaded: loaded, before: before, answers: answers, measured: measured,
                notMeasured: "the time of a whole answer: it grows with the tokens that are written"
                    + (first ? "" : "; peak memory: another row ran in the same process before"),
                peak: first)
        } catch {
            return made(
                units, loaded: nil, before: before, answers: nil, measured: nil,
                notMeasured: "\(error.localizedDescription)", peak: false)
        }
    }

    /// The prompts that leave room to write; half of the context where none does.
    func lengths(context: Int) -> [Int] {
        let fitting = Self.prompts.filter { $0 + newTokens < context }
        return fitting.isEmpty ? [max(context / 2, 1)] : fitting
    }

    private func measure(_ generator: Generator, _ prompt: [Int32]) async throws -> DeviceResult.Generation {
        let count = min(newTokens, generator.context - prompt.count - 1)
        for _ in 0..<warmup { _ = try await generator.time(prompt, count: count) }
        var firsts: [UInt64] = [], nexts: [UInt64] = [], rates: [Double] = []
        let began = DispatchTime.now().uptimeNanoseconds
        repeat {
            let (first, next) = try await generator.time(prompt, count: count)
            firsts.append(first)
            nexts += next
            rates.append(Double(count) / (Double(next.reduce(0, +)) / 1e9))
        } while rates.count < leastRuns
            || Double(DispatchTime.now().uptimeNanoseconds - began) < minimumSeconds * 1e9
        return DeviceResult.Generation(
            promptTokens: prompt.count,
            newTokens: count,
            runs: rates.count,
            firstTokenP50Ms: percentile(firsts, 50) / 1e6,
            firstTokenP90Ms: percentile(firsts, 90) / 1e6,
            tokensPerSecond: rates.sorted()[rates.count / 2],
            tokensPerSecondSd: standardDeviation(rates),
            nextTokenP50Ms: percentile(nexts, 50) / 1e6,
            nextTokenP99Ms: percentile(nexts, 99) / 1e6)
    }

    private func compare(_ generator: Generator) async throws -> DeviceResult.Answers? {
        let known = try Continuation.all()
        var same = 0, expected = 0
        for one in known {
            let options = GenerationOptions(maxTokens: one.tokens.count)
            let shared = one.same(as: try await generator.write(one.prompt, options) { _ in }.tokens)
            same += shared.same
            expected += shared.of
        }
        let agreement = expected > 0 ? Double(same) / Double(expected) : nil
        return known.isEmpty ? nil : DeviceResult.Answers(samples: known.count, tokenAgreement: agreement)
    }

    private func made(
        _ units: ComputeUnits, loaded: UInt64?, before: String?, answers: DeviceResult.Answers?,
        measured: [DeviceResult.Generation]?, notMeasured: String, peak: Bool
    ) -> DeviceResult.Row {
        let runtime = "\(CurrentDevice.simulated ? "simulated " : "")Core ML, \(CurrentDevice.description.os)"
        return DeviceResult.Row(
            protocol: Self.protocolName, runtime: measured == nil ? "none" : runtime, computeUnits: units.rawValue,
            texts: 1, warmup: measured == nil ? 0 : warmup, runs: measured?.map(\.runs).reduce(0, +) ?? 0,
            minimumSeconds: minimumSeconds, loadMs: loaded.map { Double($0) / 1e6 }, passSeconds: nil, p50Ms: nil,
            p90Ms: nil, p99Ms: nil, endToEndP50Ms: nil, endToEndP90Ms: nil, endToEndP99Ms: nil,
            peakBytes: peak ? CurrentDevice.peakBytes : nil, thermalBefore: before,
            thermalAfter: CurrentDevice.thermalState, answers: answers, generation: measured,
            notMeasured: notMeasured)
    }

    private static let story = """
        A lighthouse keeper writes down the weather every evening. In spring the wind comes from the south and the
        fishing boats leave before sunrise; in autumn it turns, the sea grows rough, and nobody goes out for days.
        When he was young he thought that the notes were for the harbour office, which asks for them once a year and
        never answers. Later he understood that he writes them for himself, because a day that has been described
        does not disappear. On the last page of every book he adds up the storms, and below the sum he writes the
        name of the ship that he would have liked to see.
        """
}
