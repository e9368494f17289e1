package edgekit.kit

import java.nio.ByteBuffer

/** Where the kit's files are read from: an app's assets, or a folder on the JVM. */
fun interface Assets {
    /** The bytes of a file, from position to limit. A model's buffer must be direct, and is best mapped. */
    fun open(name: String): ByteBuffer
}
