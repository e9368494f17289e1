package edgekit.kit

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import java.util.concurrent.locks.ReentrantReadWriteLock
import kotlin.concurrent.read
import kotlin.concurrent.write
import kotlinx.coroutines.withContext

/** Image in, numbers out, off the caller's thread. Several threads may [run] it at once; [close] waits for them. */
internal class ImageEngine private constructor(assets: Assets, private val options: Options) : AutoCloseable {
    private val environment = OrtEnvironment.getEnvironment()

    // Kept for as long as the session lives: of an .ort file it reads the weights where they are.
    private val bytes = assets.open(Kit.MODEL)
    private val session = openSession(environment, bytes, options)
    private val input = session.inputInfo.keys.single()
    private val preparation = Preparation(Kit.IMAGE_SIZE, Kit.SHORTEST_EDGE)
    private val shape = longArrayOf(1, 3, preparation.size.toLong(), preparation.size.toLong())
    private val lock = ReentrantReadWriteLock()
    private var closed = false

    /** The output, a number for each label. */
    fun run(pixels: IntArray, width: Int, height: Int): FloatArray = run(prepare(pixels, width, height))

    /** The pixels as the model reads them. */
    fun prepare(pixels: IntArray, width: Int, height: Int): FloatBuffer {
        val planes = prepare(pixels, width, height, preparation)
        val values = ByteBuffer.allocateDirect(4 * planes.size).order(ByteOrder.nativeOrder()).asFloatBuffer()
        for (i in planes.indices) values.put(i, (planes[i].toInt() and 0xff).toFloat())
        return values
    }

    fun run(planes: FloatBuffer): FloatArray = lock.read {
        check(!closed) { "This model is closed." }
        OnnxTensor.createTensor(environment, planes, shape).use { tensor ->
            session.run(mapOf(input to tensor)).use { result ->
                val output = (result.get(Kit.OUTPUT).get() as OnnxTensor).floatBuffer
                FloatArray(output.remaining()).also { output.get(it) }
            }
        }
    }

    suspend fun answer(pixels: () -> IntArray, width: Int, height: Int): FloatArray =
        withContext(options.dispatcher) { run(pixels(), width, height) }

    override fun close() = lock.write {
        if (!closed) session.close()
        closed = true
    }

    companion object {
        suspend fun load(assets: Assets, options: Options): ImageEngine = withContext(options.dispatcher) {
            open(assets, options)
        }

        /** Blocks: for tests and measuring. */
        fun open(assets: Assets, options: Options) = ImageEngine(assets, options)
    }
}
