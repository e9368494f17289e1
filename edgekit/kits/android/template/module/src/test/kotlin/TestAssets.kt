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

/** What was verified, with outputs. */
internal val SAMPLES: List<Sample> = resource("samples.txt").use(::readSamples)

/** Texts of all kinds that tell tokenizers apart, without outputs. */
internal val GOLDEN: List<Sample> = resource("golden.txt").bufferedReader().use { it.readLines() }.map(::readGolden)

/** Of other processors' rounding; the same one gives equal bits. */
internal const val TOLERANCE = 1e-3f

private fun resource(name: String): InputStream =
    checkNotNull(Sample::class.java.getResourceAsStream("/$name")) { "$name is missing." }
