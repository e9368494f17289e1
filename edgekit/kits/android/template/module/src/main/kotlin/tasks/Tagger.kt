package edgekit.kit

/** A word and its tag; none for a word that was cut off, or of which the tokenizer keeps nothing. */
data class TaggedWord(val word: String, val label: Label?)

/** Tags the words of a text. Safe to share between coroutines; close it when done. */
class Tagger private constructor(private val engine: Engine) : AutoCloseable by engine {

    /**
     * The words between white space, each with the tag of its first token.
     *
     * @throws IllegalStateException it is closed.
     */
    suspend fun tag(text: String): List<TaggedWord> {
        val words = wordsOf(text)
        return engine.answer(words.joinToString(" "), null) { output, tokens ->
            val starts = firstTokens(words, tokens)
            words.zip(starts) { word, start ->
                TaggedWord(word, start?.let { Label.entries[argmax(output.row(it))] })
            }
        }
    }

    companion object {
        suspend fun load(assets: Assets, options: Options = Options()): Tagger =
            Tagger(Engine.load(assets, options))
    }
}

internal fun wordsOf(text: String): List<String> = text.split(*WHITE_SPACE).filter { it.isNotEmpty() }

/** For each word the first token that ends inside it; some tokenizers let a token begin at the space before. */
internal fun firstTokens(words: List<String>, tokens: Tokens): List<Int?> {
    val owner = ArrayList<Int?>() // of every code point of the text
    for ((number, word) in words.withIndex()) {
        repeat(word.codePointCount(0, word.length)) { owner.add(number) }
        owner.add(null)
    }
    val found = arrayOfNulls<Int>(words.size)
    for (token in 0 until tokens.size) {
        val end = tokens.ends[token] // 0 for special tokens
        val word = if (end > 0) owner[end - 1] else null
        if (word != null && found[word] == null) found[word] = token
    }
    return found.asList()
}
