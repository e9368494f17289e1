package edgekit.kit

import android.content.Context

/** Opens the model in the app's assets, away from the caller's thread. */
suspend fun Classifier.Companion.load(context: Context, options: Options = Options()): Classifier =
    load(AndroidAssets(context.assets), options)
