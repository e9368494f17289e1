package edgekit.kit

import kotlinx.coroutines.withContext

/** Image in, numbers out, off the caller's thread. */
internal class ImageEngine private constructor(
    private val model: ArrayModel,
    private val options: Options,
) : AutoCloseable by model {
    private val preparation = Preparation(Kit.IMAGE_SIZE, Kit.SHORTEST_EDGE)

    /** The output, a number for each label. */
    fun run(pixels: IntArray, width: Int, height: Int): FloatArray {
        val planes = prepare(pixels, width, height, preparation)
        val size = preparation.size.toLong()
        return model.run(floats(planes.size) { (planes[it].toInt() and 0xff).toFloat() }, 1, 3, size, size)
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
