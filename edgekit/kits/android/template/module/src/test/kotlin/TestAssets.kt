package edgekit.kit

import java.io.File
import java.io.InputStream
import java.io.RandomAccessFile
import java.nio.channels.FileChannel

/** The module's assets, where they lie on this computer. */
internal val ASSETS = Assets { name ->
    RandomAccessFile(File("src/main/assets/${Kit.FOLDER}", name), "r").use { file ->
        file.channel.map(FileChannel.MapMode.READ_ONLY, 0, file.length())
    }
}

internal fun resource(name: String): InputStream =
    checkNotNull(Kit::class.java.getResourceAsStream("/$name")) { "$name is missing." }
