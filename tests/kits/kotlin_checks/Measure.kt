package edgekit.checks.measure

import edgekit.textclassification.ASSETS
import edgekit.textclassification.Device
import edgekit.textclassification.DeviceBenchmark
import edgekit.textclassification.Options
import edgekit.textclassification.Provider
import edgekit.textclassification.SAMPLES
import edgekit.textclassification.peakOfThisProcess

/** The benchmark on this computer instead of a phone: one row that can be measured, one that can't. */
fun main() {
    val device = object : Device {
        override val description = mapOf(
            "model" to "a \"test\"", "chip" to null, "os" to "Linux", "logical_cores" to 1, "simulated" to true,
        )
        override val thermalState = "none"
        override val peakBytes get() = peakOfThisProcess()
    }
    val ways = listOf(Options(threads = 1), Options(threads = 1, provider = Provider.NNAPI))
    val benchmark = DeviceBenchmark(ASSETS, SAMPLES, device, minimumSeconds = 0.2, warmup = 3)
    print(benchmark.run(ways, dateUtc = "2026-01-02T03:04:05Z").json())
}
