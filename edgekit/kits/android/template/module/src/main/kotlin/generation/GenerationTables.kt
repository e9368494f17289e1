package edgekit.kit

/** A turn of a conversation. */
data class Message(val role: Role, val content: String)

enum class Role { SYSTEM, USER, ASSISTANT }

/** A tensor `[1, heads, tokens, width]` that a call gives and the next one takes. */
internal class Cache(val input: String, val output: String, val heads: Int, val width: Int)

/** `generation.txt` and `pieces.txt`: how the model is called, and what its tokens add to a text. */
internal class GenerationTables(generation: String, pieces: String) {
    /** Tokens of prompt and answer together. */
    var context = 0
        private set
    var vocabulary = 0
        private set
    var logits = ""
        private set

    /** Spaces that an answer may lose at its beginning. */
    var strip = 0
        private set
    val stop = HashSet<Int>()

    /** What an input is for → its name. */
    val inputs = LinkedHashMap<String, String>()
    val caches = ArrayList<Cache>()
    private val joints = HashMap<String, String>()
    private val trimmed = HashSet<String>()
    private val pieces = pieces.split('\n').dropLast(1)

    init {
        for (line in generation.split('\n').dropLast(1)) {
            val words = line.split(' ')
            val rest = words.drop(1)
            when (words[0]) {
                "format" -> require(rest[0] == "1") { "The tables have format ${rest[0]}, and this reads 1." }
                "context" -> context = rest[0].toInt()
                "vocabulary" -> vocabulary = rest[0].toInt()
                "stop" -> rest.mapTo(stop) { it.toInt() }
                "strip" -> strip = rest[0].toInt()
                "input" -> inputs[rest[0]] = rest[1]
                "logits" -> logits = rest[0]
                "cache" -> {
                    require(rest[4] == "float32") { "The caches are ${rest[4]}, which this does not read." }
                    caches.add(Cache(rest[0], rest[1], rest[2].toInt(), rest[3].toInt()))
                }
                "joint" -> joints["${rest[0]} ${rest[1]}"] = fromHex(rest[2])
                "trim" -> trimmed.addAll(rest)
                else -> throw IllegalArgumentException("The tables have a line ${words[0]} that this can't read.")
            }
        }
    }

    val chats get() = joints.isNotEmpty()

    /** The bytes that a token adds. */
    fun bytes(token: Int): ByteArray {
        val hex = pieces.getOrElse(token) { "-" }
        if (hex == "-") return ByteArray(0)
        return ByteArray(hex.length / 2) { hex.substring(2 * it, 2 * it + 2).toInt(16).toByte() }
    }

    /** A conversation as the model was trained to read it. */
    fun prompt(messages: List<Message>): String {
        require(chats) { "This model has no chat: give the whole prompt to generate()." }
        val made = StringBuilder()
        var last = "start"
        for ((role, content) in messages) {
            val name = role.name.lowercase()
            made.append(joint(last, name)).append(if (name in trimmed) content.trim(*WHITE_SPACE) else content)
            last = name
        }
        return made.append(joint(last, "end")).toString()
    }

    private fun joint(from: String, to: String): String = requireNotNull(joints["$from $to"]) {
        "In this model's chat $to can't follow $from: user and assistant take turns, the user first and last; a " +
            "system text comes first, if the model has one."
    }

    companion object {
        fun read(assets: Assets) = GenerationTables(text(assets, "generation.txt"), text(assets, "pieces.txt"))
    }
}
