package edgekit.kit

/** Tells what an image shows. Safe to share between coroutines; close it when done. */
class ImageClassifier private constructor(private val engine: ImageEngine) : AutoCloseable by engine {

    /**
     * The probability of every label; together they are 1. The image may be of any size, and is upright.
     *
     * @param pixels ARGB, row after row, as `Bitmap.getPixels` gives them; opacity is left out.
     * @throws IllegalArgumentException there are not width × height pixels.
     * @throws IllegalStateException it is closed.
     */
    suspend fun classify(pixels: IntArray, width: Int, height: Int): Map<Label, Float> =
        classify(width, height) { pixels }

    /** The same of pixels that are read away from the caller's thread. */
    internal suspend fun classify(width: Int, height: Int, pixels: () -> IntArray): Map<Label, Float> =
        Label.entries.zip(softmax(engine.answer(pixels, width, height)).asIterable()).toMap()

    /** The most probable labels, best first. */
    suspend fun top(pixels: IntArray, width: Int, height: Int, count: Int = 1): List<Pair<Label, Float>> =
        classify(pixels, width, height).toList().sortedByDescending { it.second }.take(count)

    companion object {
        suspend fun load(assets: Assets, options: Options = Options()): ImageClassifier =
            ImageClassifier(ImageEngine.load(assets, options))
    }
}
