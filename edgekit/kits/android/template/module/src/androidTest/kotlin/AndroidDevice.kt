package edgekit.kit

import android.app.ActivityManager
import android.content.Context
import android.os.Build
import android.os.PowerManager
import java.io.File

/** This phone; nothing in it names a person or a network. */
internal class AndroidDevice(private val context: Context) : Device {
    private val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager

    override val description: Map<String, Any?>
        get() = mapOf(
            "model" to "${Build.MANUFACTURER} ${Build.MODEL}",
            "chip" to if (Build.VERSION.SDK_INT >= 31) Build.SOC_MODEL else Build.HARDWARE,
            "os" to "Android ${Build.VERSION.RELEASE} (API ${Build.VERSION.SDK_INT})",
            "logical_cores" to Runtime.getRuntime().availableProcessors(),
            "memory_bytes" to memoryBytes,
            "simulated" to (Build.HARDWARE == "ranchu" || Build.HARDWARE == "goldfish"), // the emulator's kernels
            "low_power" to power.isPowerSaveMode,
        )

    override val thermalState: String?
        get() = if (Build.VERSION.SDK_INT < 29) null else THERMAL.getOrNull(power.currentThermalStatus)

    override val peakBytes: Long? get() = peakOfThisProcess()

    private val memoryBytes: Long
        get() {
            val memory = ActivityManager.MemoryInfo()
            (context.getSystemService(Context.ACTIVITY_SERVICE) as ActivityManager).getMemoryInfo(memory)
            return memory.totalMem
        }

    private companion object {
        // PowerManager's numbers count through these.
        val THERMAL = listOf("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
    }
}

/** "VmHWM" of Linux; null where /proc doesn't say. */
internal fun peakOfThisProcess(): Long? = File("/proc/self/status").takeIf { it.canRead() }?.readLines()
    ?.firstOrNull { it.startsWith("VmHWM:") }?.filter { it.isDigit() }?.toLongOrNull()?.times(1024)
