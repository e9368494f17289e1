package edgekit.kit

import android.content.Context
import android.content.res.AssetManager
import java.io.FileInputStream
import java.io.FileNotFoundException
import java.nio.ByteBuffer
import java.nio.channels.FileChannel

/** The kit's files among the app's assets: mapped where they are stored uncompressed, as the model is. */
class AndroidAssets(private val manager: AssetManager) : Assets {
    override fun open(name: String): ByteBuffer {
        val path = "${Kit.FOLDER}/$name"
        try {
            manager.openFd(path).use { file ->
                FileInputStream(file.fileDescriptor).use { stream ->
                    return stream.channel.map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
                }
            }
        } catch (_: FileNotFoundException) { // it is compressed
            val bytes = manager.open(path).use { it.readBytes() } // says so if it is not there at all
            return ByteBuffer.allocateDirect(bytes.size).also { it.duplicate().put(bytes) }
        }
    }
}
