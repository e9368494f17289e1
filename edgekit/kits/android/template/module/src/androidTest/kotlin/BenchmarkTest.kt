package edgekit.kit

import android.util.Log
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import java.io.File
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

/**
 * Measures the model on this device and writes `@MODULE@.json` for `edgekit bench import`. Arguments of the
 * instrumentation: `providers` (cpu,xnnpack,nnapi), `threads` (1,2,4), `seconds`, `warmup`.
 */
@RunWith(AndroidJUnit4::class)
class BenchmarkTest {
    @Test
    fun measure() {
        val instrumentation = InstrumentationRegistry.getInstrumentation()
        val arguments = InstrumentationRegistry.getArguments()
        val providers = arguments.getString("providers", "cpu,xnnpack,nnapi").split(',')
        val threads = arguments.getString("threads", "1,2,4").split(',').map { it.toInt() }
        val benchmark = DeviceBenchmark.open(
            assets = AndroidAssets(instrumentation.targetContext.assets),
            resources = instrumentation.context.assets::open,
            device = AndroidDevice(instrumentation.targetContext),
            minimumSeconds = arguments.getString("seconds", "10").toDouble(),
            warmup = arguments.getString("warmup", "${DeviceBenchmark.WARMUP}").toInt(),
        )
        val ways = providers.map { Provider.valueOf(it.uppercase(Locale.ROOT)) }.flatMap { provider ->
            threads.map { Options(threads = it, provider = provider) }
        }
        val json = benchmark.run(ways, now()).json()
        // Gradle copies this folder to the computer; without Gradle the app's own is within adb's reach.
        val folder = arguments.getString("additionalTestOutputDir")?.let(::File)
            ?: instrumentation.targetContext.getExternalFilesDir(null)
        val file = File(folder, "@MODULE@.json")
        file.writeText(json)
        Log.i("edgekit", "${file.path}\n$json")
        assertTrue(json.contains("p50_ms"))
    }

    private fun now(): String = SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'Z'", Locale.ROOT)
        .apply { timeZone = TimeZone.getTimeZone("UTC") }.format(Date())
}
