package edgekit.checks.measure

import edgekit.tinytalk.ASSETS
import edgekit.tinytalk.Device
import edgekit.tinytalk.DeviceBenchmark
import edgekit.tinytalk.Options
import edgekit.tinytalk.Provider
import edgekit.tinytalk.peakOfThisProcess
import edgekit.tinytalk.resource

/** The benchmark on this computer instead of a phone: one row that can be measured, one that can't. */
fun main() {
    val device = object : Device {
        override val description = mapOf(
            "model" to "test", "chip" to null, "os" to "Linux", "logical_cores" to 1, "simulated" to true,
        )
        override val thermalState = "none"
        override val peakBytes get() = peakOfThisProcess()
    }
    val ways = listOf(Options(threads = 1), Options(threads = 1, provider = Provider.NNAPI))
    val benchmark = DeviceBenchmark.open(ASSETS, ::resource, device, minimumSeconds = 0.0, warmup = 1)
    print(benchmark.run(ways, dateUtc = "2026-01-02T03:04:05Z").json())
}
