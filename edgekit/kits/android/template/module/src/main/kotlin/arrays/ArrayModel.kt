package edgekit.kit

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import java.util.concurrent.locks.ReentrantReadWriteLock
import kotlin.concurrent.read
import kotlin.concurrent.write

/** A model of one array: numbers in, numbers out. Several threads may [run] it at once; [close] waits for them. */
internal class ArrayModel(assets: Assets, options: Options) : AutoCloseable {
    private val environment = OrtEnvironment.getEnvironment()

    // Kept for as long as the session lives: of an .ort file it reads the weights where they are.
    private val bytes = assets.open(Kit.MODEL)
    private val session = openSession(environment, bytes, options)
    private val input = session.inputInfo.keys.single()
    private val lock = ReentrantReadWriteLock()
    private var closed = false

    /**
     * The output, a number for each label.
     *
     * @param values in a direct buffer; see [floats].
     */
    fun run(values: FloatBuffer, vararg shape: Long): FloatArray = lock.read {
        check(!closed) { "This model is closed." }
        OnnxTensor.createTensor(environment, values, shape).use { tensor ->
            session.run(mapOf(input to tensor)).use { result ->
                val output = (result.get(Kit.OUTPUT).get() as OnnxTensor).floatBuffer
                FloatArray(output.remaining()).also { output.get(it) }
            }
        }
    }

    override fun close() = lock.write {
        if (!closed) session.close()
        closed = true
    }
}

/** A direct buffer, which the runtime reads where it is. */
internal fun floats(size: Int, value: (Int) -> Float): FloatBuffer {
    val made = ByteBuffer.allocateDirect(4 * size).order(ByteOrder.nativeOrder()).asFloatBuffer()
    for (i in 0 until size) made.put(i, value(i))
    return made
}
