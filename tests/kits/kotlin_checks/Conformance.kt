package edgekit.checks

import edgekit.tokenclassification.Tokenizer
import edgekit.tokenclassification.firstTokens
import edgekit.tokenclassification.readGolden
import edgekit.tokenclassification.wordsOf
import java.io.File
import java.nio.ByteBuffer

/**
 * Encodes the texts of a golden file with the tables of a folder, and counts those whose ids differ. A third file has
 * for each line the first token of every word, −1 for none; "-" is a line to leave out.
 */
fun main(arguments: Array<String>) {
    val (tables, golden, starts) = arguments
    val tokenizer = Tokenizer.load { name -> ByteBuffer.wrap(File(tables, name).readBytes()) }
    var texts = 0
    var mismatches = 0
    var inWords = 0
    var misplaced = 0
    val words = File(starts).readLines().iterator()
    File(golden).forEachLine { line ->
        val sample = readGolden(line)
        val tokens = tokenizer.encode(sample.text, sample.pair)
        texts++
        if (sample.inputs.any { (name, ids) -> !ids.contentEquals(tokens.input(name)) }) {
            if (mismatches++ < 5) println("$line\n  gives ${tokens.ids.asList()} ${tokens.types.asList()}")
        }
        val expected = words.next()
        if (expected != "-") {
            inWords++
            val found = firstTokens(wordsOf(sample.text), tokens).joinToString(",") { (it ?: -1).toString() }
            if (found != expected && misplaced++ < 5) println("$line\n  has words at $expected, not $found")
        }
    }
    println("$mismatches of $texts texts differ, $misplaced of $inWords in words")
}
