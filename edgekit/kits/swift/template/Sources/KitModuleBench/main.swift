import Foundation
import KitModule
import KitModuleBenchmark

do {
    let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
    let benchmark = try DeviceBenchmark(
        minimumSeconds: arguments.seconds, warmup: arguments.warmup, own: arguments.own)
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
        print(row.summary)
        rows.append(row)
    }
    return DeviceResult(rows: rows)
    #else
    return await benchmark.run(arguments.units)
    #endif
}
