package edgekit.kit

import android.graphics.Bitmap

/**
 * The probability of every label; together they are 1. The bitmap may be of any size, and is upright: turn a photo as
 * its EXIF tag says. Decode it at its full size, for `BitmapFactory`'s own reduction gives other pixels.
 *
 * @throws IllegalStateException the classifier is closed, or the bitmap is recycled.
 */
suspend fun ImageClassifier.classify(bitmap: Bitmap): Map<Label, Float> =
    classify(bitmap.width, bitmap.height) { pixelsOf(bitmap) }

/** ARGB, not premultiplied. */
private fun pixelsOf(bitmap: Bitmap): IntArray {
    // A bitmap in the graphics memory can't be read where it is.
    val readable = if (bitmap.config == Bitmap.Config.ARGB_8888) bitmap else {
        checkNotNull(bitmap.copy(Bitmap.Config.ARGB_8888, false)) { "The bitmap can't be read." }
    }
    val (width, height) = readable.width to readable.height
    return IntArray(width * height).also { readable.getPixels(it, 0, width, 0, 0, width, height) }
}
