package edgekit.kit

import kotlin.io.encoding.Base64
import kotlin.io.encoding.ExperimentalEncodingApi

/** Kotlin's own: Java's is not in Android 7. */
@OptIn(ExperimentalEncodingApi::class)
internal fun fromBase64(text: String): ByteArray = Base64.decode(text)
