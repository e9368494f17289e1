// Measures the model on an iPhone or iPad: put this in place of the `App` file of a new SwiftUI app that has
// KitModule and KitModuleBenchmark among its packages. One start measures one row, which keeps its peak of memory its
// own; share result.json and bring it into the report with `edgekit bench import result.json`.
import KitModule
import KitModuleBenchmark
import SwiftUI

@main
struct BenchmarkApp: App {
    var body: some Scene {
        WindowGroup { BenchmarkView() }
    }
}

struct BenchmarkView: View {
    @State private var units = ComputeUnits.all
    @State private var result: URL?
    @State private var message = "Charge the device, close other apps, keep this one in front."
    @State private var isMeasuring = false

    var body: some View {
        Form {
            Picker("Compute units", selection: $units) {
                ForEach(ComputeUnits.allCases, id: \.self) { Text($0.rawValue).tag($0) }
            }
            Button("Measure") { Task { await measure() } }.disabled(isMeasuring)
            Text(message)
            if let result { ShareLink("Share result.json", item: result) }
        }
    }

    private func measure() async {
        isMeasuring = true
        defer { isMeasuring = false }
        message = "Measuring …"
        do {
            let measured = try await DeviceBenchmark().run([units])
            let file = URL.documentsDirectory.appending(path: "result.json")
            try measured.json().write(to: file, options: .atomic)
            result = file
            message = measured.rows[0].summary
        } catch {
            message = error.localizedDescription
        }
    }
}
