import Foundation
import KitModule
import KitModuleBenchmark

struct Arguments {
    static let usage = """
        edgekit-bench [--units all,cpuOnly,cpuAndGPU,cpuAndNeuralEngine] [--seconds 10]
                      [--warmup \(DeviceBenchmark.usualWarmup)] [\(DeviceBenchmark.option) FILE] [--out result.json]

        Measures this package's model on this device and writes a result for `edgekit bench import`.
          --units    what may execute the model, one row each; all four unless named
          --seconds  for how long each is measured at least
          --warmup   untimed calls before that
          \(DeviceBenchmark.usage)
          --out      where the result goes
        """

    var units = ComputeUnits.allCases
    var seconds = 10.0
    var warmup = DeviceBenchmark.usualWarmup
    var own: URL?
    var out = URL(fileURLWithPath: "result.json")
    var isRow = false // this process measures one row for another and prints it

    struct Wrong: Error {
        let reason: String
    }

    init(_ words: [String]) throws {
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--row" {
                isRow = true
                continue
            }
            guard ["--units", "--seconds", "--warmup", DeviceBenchmark.option, "--out"].contains(word) else {
                throw Wrong(reason: "\(word) is no option.")
            }
            guard let value = rest.popFirst() else { throw Wrong(reason: "\(word) needs a value.") }
            try take(word, value)
        }
    }

    private mutating func take(_ word: String, _ value: String) throws {
        switch word {
        case "--units":
            units = try value.split(separator: ",").map { name in
                guard let unit = ComputeUnits(rawValue: String(name)) else {
                    throw Wrong(reason: "\(name) is none of the compute units.")
                }
                return unit
            }
        case "--seconds":
            guard let number = Double(value), number >= 0, number.isFinite else {
                throw Wrong(reason: "--seconds takes a number.")
            }
            seconds = number
        case "--warmup":
            guard let number = Int(value), number >= 0 else { throw Wrong(reason: "--warmup takes a number.") }
            warmup = number
        case DeviceBenchmark.option:
            guard FileManager.default.isReadableFile(atPath: value) else {
                throw Wrong(reason: "\(value) can't be read.")
            }
            own = URL(fileURLWithPath: value)
        default: out = URL(fileURLWithPath: value)
        }
    }

    /// The words that make another process measure one row as this one was told to.
    func words(for unit: ComputeUnits) -> [String] {
        let inputs = own.map { [DeviceBenchmark.option, $0.path] } ?? []
        return ["--row", "--units", unit.rawValue, "--seconds", "\(seconds)", "--warmup", "\(warmup)"] + inputs
    }
}
