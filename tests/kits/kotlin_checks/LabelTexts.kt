package edgekit.checks.labels

import edgekit.hostile.Label as Hostile
import edgekit.many.Label as Many
import edgekit.thousand.Label as Thousand

/** The texts of all labels in UTF-8 hex, to be compared with those that the code was generated from. */
fun main() {
    val found = mapOf(
        "hostile" to Hostile.entries.map { it.text },
        "thousand" to Thousand.entries.map { it.text },
        "many" to Many.entries.map { it.text },
    )
    for ((name, texts) in found) {
        for (text in texts) println("$name ${text.toByteArray().joinToString("") { "%02x".format(it) }}")
    }
    check(Hostile.of("no such label") == null)
    check(Many.of(Many.entries[9_999].text)?.ordinal == 9_999)
}
