package edgekit.kit

import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.TensorInfo
import java.nio.IntBuffer
import java.nio.LongBuffer
import java.util.concurrent.locks.ReentrantReadWriteLock
import kotlin.concurrent.read
import kotlin.concurrent.write

/** The model's answer to one text, row after row: one row, or one per token. */
internal class Output(val values: FloatArray, private val width: Int) {
    fun row(index: Int): FloatArray = values.copyOfRange(index * width, (index + 1) * width)
}

/** An open ONNX Runtime session. Several threads may [run] it at once; [close] waits for them. */
internal class Model(assets: Assets, options: Options) : AutoCloseable {
    private val environment = OrtEnvironment.getEnvironment()

    // Kept for as long as the session lives: of an .ort file it reads the weights where they are.
    private val bytes = assets.open(Kit.MODEL)
    private val session = openSession(environment, bytes, options)
    private val types = session.inputInfo.mapValues { (_, node) -> (node.info as TensorInfo).type }
    private val lock = ReentrantReadWriteLock()
    private var closed = false

    fun run(tokens: Tokens): Output = lock.read {
        check(!closed) { "This model is closed." }
        val tensors = LinkedHashMap<String, OnnxTensor>()
        try {
            for ((name, type) in types) tensors[name] = tensor(type, tokens.input(name))
            session.run(tensors).use { result ->
                val output = result.get(Kit.OUTPUT).get() as OnnxTensor
                val values = output.floatBuffer
                Output(FloatArray(values.remaining()).also { values.get(it) }, output.info.shape.last().toInt())
            }
        } finally {
            tensors.values.forEach { it.close() }
        }
    }

    override fun close() = lock.write {
        if (!closed) session.close()
        closed = true
    }

    private fun tensor(type: OnnxJavaType, values: IntArray): OnnxTensor {
        val shape = longArrayOf(1, values.size.toLong())
        return when (type) {
            OnnxJavaType.INT32 -> OnnxTensor.createTensor(environment, IntBuffer.wrap(values), shape)
            else -> {
                val wide = LongArray(values.size) { values[it].toLong() }
                OnnxTensor.createTensor(environment, LongBuffer.wrap(wide), shape)
            }
        }
    }
}
