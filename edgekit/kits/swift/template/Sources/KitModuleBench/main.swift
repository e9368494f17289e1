import Foundation
import KitModule
import KitModuleBenchmark

do {
    let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
    let samples = try arguments.texts.map(Sample.lines(of:)) ?? Sample.all()
    guard !samples.isEmpty else { throw Arguments.Wrong(reason: "There is no text to measure.") }
    let benchmark = DeviceBenchmark(
        minimumSeconds: arguments.seconds, warmup: arguments.warmup, samples: samples)
    if arguments.isRow {
        FileHandle.standardOutput.write(try await benchmark.run(arguments.units).json())
    } else {
        let result = try await measure(benchmark, arguments)
        try result.json().write(to: arguments.out, options: .atomic)
        print("Wrote \(arguments.out.path); next: edgekit bench import \(arguments.out.lastPathComponent)")
    }
} catch let wrong as Arguments.Wrong {
    FileHandle.standardError.write(Data("\(wrong.reason)\n\n\(Arguments.usage)\n".utf8))
    exit(2)
} catch {
    FileHandle.standardError.write(Data("\(error.localizedDescription)\n".utf8))
    exit(1)
}

/// Every row in a process of its own where there can be one, so that each has its own peak of memory.
func measure(_ benchmark: DeviceBenchmark, _ arguments: Arguments) async throws -> DeviceResult {
    #if os(macOS) || os(Linux)
    var rows: [DeviceResult.Row] = []
    for unit in arguments.units {
        let process = Process()
        process.executableURL = Bundle.main.executableURL
        process.arguments = arguments.words(for: unit)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let row = try DeviceResult.read(printed).rows[0]
        print(row.line)
        rows.append(row)
    }
    return DeviceBenchmark.result(rows)
    #else
    return await benchmark.run(arguments.units)
    #endif
}

extension DeviceResult.Row {
    /// One line for people.
    var line: String {
        let name = (computeUnits ?? runtime).padding(toLength: 20, withPad: " ", startingAt: 0)
        guard let p50Ms, let p90Ms, let p99Ms, let endToEndP50Ms else { return "\(name) not measured: \(notMeasured)" }
        let figures = String(
            format: "p50 %.2f  p90 %.2f  p99 %.2f  end to end %.2f ms", p50Ms, p90Ms, p99Ms, endToEndP50Ms)
        return "\(name) \(figures)  (\(runs) runs, \(thermalAfter ?? "thermal state unknown"))"
    }
}
