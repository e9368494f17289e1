import Dispatch
import Foundation
import KitModule

/// edgekit's measuring protocol for one device: batch 1, one sample after the other.
///
/// Every sample is timed twice: as what the model reads, made beforehand, and from the sample itself, end to end.
/// Samples are gone through as often as it takes to fill the minimum duration, at least once. What a sample is, and
/// which `Measured` model reads it, stands in Samples.swift.
public struct DeviceBenchmark: Sendable {
    public static let protocolName = "device: batch 1, one model, in turn"

    public var minimumSeconds: Double
    public var warmup: Int
    package var samples: [Sample]
    package static let usualWarmup = 20
    private static let classifiers: Set = ["text-classification", "image-classification", "audio-classification"]

    /// - Parameters:
    ///   - minimumSeconds: for how long each row is measured.
    ///   - warmup: untimed calls before the first timed one.
    public init(minimumSeconds: Double = 10, warmup: Int = 20) throws {
        try self.init(minimumSeconds: minimumSeconds, warmup: warmup, own: nil)
    }

    /// - Parameter own: a file of one's own; nil: the package's.
    /// - Throws: `KitError.nothingToRead`: there is no sample in it.
    package init(minimumSeconds: Double, warmup: Int, own: URL?) throws {
        let samples = try own.map(Sample.own) ?? Sample.all()
        if samples.isEmpty { throw KitError.nothingToRead }
        self.init(minimumSeconds: minimumSeconds, warmup: warmup, samples: samples)
    }

    package init(minimumSeconds: Double, warmup: Int, samples: [Sample]) {
        self.minimumSeconds = minimumSeconds
        self.warmup = warmup
        self.samples = samples
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
            var times = Times()
            _ = try await Measured.load(units) // compiled here if it has to be, which opening is not about
            let start = DispatchTime.now().uptimeNanoseconds
            let model = try await Measured.load(units)
            let loaded = DispatchTime.now().uptimeNanoseconds - start
            let inputs = try samples.map(model.prepare)
            let answers = try await compare(model, inputs)
            for call in 0..<warmup { _ = try await model.run(inputs[call % inputs.count]) }
            try await measure(model, inputs, into: &times)
            return made(units, times, loaded: loaded, before: before, answers: answers, peak: first)
        } catch {
            return notMeasured(units, before: before, because: "\(error.localizedDescription)")
        }
    }

    private func measure(_ model: Measured, _ inputs: [Measured.Input], into times: inout Times) async throws {
        let began = DispatchTime.now().uptimeNanoseconds
        repeat {
            var pass: UInt64 = 0
            for (input, sample) in zip(inputs, samples) {
                let start = DispatchTime.now().uptimeNanoseconds
                _ = try await model.run(input)
                let middle = DispatchTime.now().uptimeNanoseconds
                _ = try await model.run(try model.prepare(sample))
                let end = DispatchTime.now().uptimeNanoseconds
                times.run.append(middle - start)
                times.endToEnd.append(end - middle)
                pass += middle - start
            }
            times.passes.append(pass)
        } while Double(DispatchTime.now().uptimeNanoseconds - began) < minimumSeconds * 1e9
    }

    private func compare(_ model: Measured, _ inputs: [Measured.Input]) async throws -> DeviceResult.Answers? {
        var error = 0.0, agreed = 0, compared = 0
        for (input, sample) in zip(inputs, samples) {
            guard let expected = sample.output else { continue }
            let given = try await model.run(input)
            guard given.count == expected.count, given.allSatisfy(\.isFinite) else {
                throw KitError.noAnswer(output: "\(expected.count) finite numbers")
            }
            compared += 1
            error = max(error, zip(given, expected).map { Double(abs($0 - $1)) }.max() ?? 0)
            agreed += given.firstIndex(of: given.max() ?? 0) == expected.firstIndex(of: expected.max() ?? 0) ? 1 : 0
        }
        guard compared > 0 else { return nil }
        let agreement = Self.classifiers.contains(KitInfo.task) ? Double(agreed) / Double(compared) : nil
        return DeviceResult.Answers(samples: compared, maxAbsError: error, labelAgreement: agreement)
    }

    private func made(
        _ units: ComputeUnits, _ times: Times, loaded: UInt64, before: String?, answers: DeviceResult.Answers?,
        peak: Bool
    ) -> DeviceResult.Row {
        DeviceResult.Row(
            protocol: Self.protocolName,
            runtime: "\(CurrentDevice.simulated ? "simulated " : "")Core ML, \(CurrentDevice.description.os)",
            computeUnits: units.rawValue,
            texts: samples.count,
            warmup: warmup,
            runs: times.run.count,
            minimumSeconds: minimumSeconds,
            loadMs: Double(loaded) / 1e6,
            passSeconds: percentile(times.passes, 50) / 1e9,
            p50Ms: percentile(times.run, 50) / 1e6,
            p90Ms: percentile(times.run, 90) / 1e6,
            p99Ms: percentile(times.run, 99) / 1e6,
            endToEndP50Ms: percentile(times.endToEnd, 50) / 1e6,
            endToEndP90Ms: percentile(times.endToEnd, 90) / 1e6,
            endToEndP99Ms: percentile(times.endToEnd, 99) / 1e6,
            peakBytes: peak ? CurrentDevice.peakBytes : nil,
            thermalBefore: before,
            thermalAfter: CurrentDevice.thermalState,
            answers: answers,
            notMeasured: peak ? "" : "peak memory: another row ran in the same process before")
    }

    private func notMeasured(_ units: ComputeUnits, before: String?, because: String) -> DeviceResult.Row {
        DeviceResult.Row(
            protocol: Self.protocolName, runtime: "none", computeUnits: units.rawValue, texts: samples.count,
            warmup: 0, runs: 0, minimumSeconds: minimumSeconds, loadMs: nil, passSeconds: nil, p50Ms: nil, p90Ms: nil,
            p99Ms: nil, endToEndP50Ms: nil, endToEndP90Ms: nil, endToEndP99Ms: nil, peakBytes: nil,
            thermalBefore: before, thermalAfter: CurrentDevice.thermalState, answers: nil, notMeasured: because)
    }
}

/// Nanoseconds.
private struct Times {
    var run: [UInt64] = []
    var endToEnd: [UInt64] = []
    var passes: [UInt64] = []
}
