package edgekit.kit

import java.nio.FloatBuffer
import kotlinx.coroutines.withContext

/** Image in, numbers out, off the caller's thread. */
internal class ImageEngine private constructor(
    private val model: ArrayModel,
    private val options: Options,
) : AutoCloseable by model {
    private val preparation = Preparation(Kit.IMAGE_SIZE, Kit.SHORTEST_EDGE)

    /** The output, a number for each label. */
    fun run(pixels: IntArray, width: Int, height: Int): FloatArray = run(prepare(pixels, width, height))

    fun run(planes: FloatBuffer): FloatArray {
        val size = preparation.size.toLong()
        return model.run(planes, 1, 3, size, size)
    }

    /** The pixels as the model reads them. */
    fun prepare(pixels: IntArray, width: Int, height: Int): FloatBuffer {
        val planes = prepare(pixels, width, height, preparation)
        return floats(planes.size) { (planes[it].toInt() and 0xff).toFloat() }
    }

    suspend fun answer(pixels: () -> IntArray, width: Int, height: Int): FloatArray =
        withContext(options.dispatcher) { run(pixels(), width, height) }

    companion object {
        suspend fun load(assets: Assets, options: Options): ImageEngine = withContext(options.dispatcher) {
            open(assets, options)
        }

        /** Blocks: for tests and measuring. */
        fun open(assets: Assets, options: Options) = ImageEngine(ArrayModel(assets, options), options)
    }
}
