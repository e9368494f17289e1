package edgekit.kit

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import java.nio.LongBuffer

/** A decoder with its caches: tokens in, logits of the next one out. One text at a time. */
internal class Decoder(assets: Assets, options: Options, private val tables: GenerationTables) : AutoCloseable {
    private val environment = OrtEnvironment.getEnvironment()
    private val bytes = assets.open(Kit.MODEL)
    private val session = openSession(environment, bytes, options)
    private var held = IntArray(0) // what the caches hold
    private var room = 0 // tokens that they could
    private var buffers = emptyList<FloatBuffer>() // [heads, room, width]
    private var caches = emptyList<OnnxTensor>() // over the buffers' memory
    private var closed = false

    /** How many of a text's tokens need not be read again; one is, since its logits are wanted. */
    fun known(text: IntArray): Int {
        val most = minOf(text.size - 1, held.size)
        return (0 until most).firstOrNull { text[it] != held[it] } ?: most
    }

    /** The next text is read from its beginning. */
    @Synchronized
    fun forget() {
        held = IntArray(0)
    }

    /**
     * Logits of what follows a text. What it shares with the beginning of the last one is not read again.
     *
     * @param most tokens that the text may become.
     */
    @Synchronized
    fun read(text: IntArray, most: Int): FloatArray {
        check(!closed) { "This model is closed." }
        val past = known(text)
        if (room < most) makeRoom(past, most)
        held = IntArray(0) // of a call that fails the caches hold nothing that is known
        val given = LinkedHashMap<String, OnnxTensor>()
        try {
            for ((role, name) in tables.inputs) {
                given[name] = when (role) {
                    "ids" -> row(text.size - past) { text[past + it].toLong() }
                    "mask" -> row(text.size) { 1 }
                    "positions" -> row(text.size - past) { (past + it).toLong() }
                    else -> throw IllegalArgumentException("The model has an input $name that this doesn't know.")
                }
            }
            val inputs = given + tables.caches.indices.associate { tables.caches[it].input to caches[it] }
            // The same memory on both sides: the runtime appends to it.
            val outputs = tables.caches.indices.associate { tables.caches[it].output to caches[it] }
            session.run(inputs, setOf(tables.logits), outputs).use { result ->
                val values = (result.get(tables.logits).get() as OnnxTensor).floatBuffer
                values.position(values.limit() - tables.vocabulary)
                held = text.copyOf()
                return FloatArray(tables.vocabulary).also { values.get(it) }
            }
        } finally {
            given.values.forEach { it.close() }
        }
    }

    /** After the token that is being chosen. */
    @Synchronized
    override fun close() {
        if (closed) return
        closed = true
        caches.forEach { it.close() }
        session.close()
    }

    private fun row(size: Int, value: (Int) -> Long): OnnxTensor {
        val values = LongBuffer.wrap(LongArray(size, value))
        return OnnxTensor.createTensor(environment, values, longArrayOf(1, size.toLong()))
    }

    /** Longer buffers, with what is known of the text at their beginning. */
    private fun makeRoom(past: Int, most: Int) {
        val longer = tables.caches.mapIndexed { i, cache ->
            val made = ByteBuffer.allocateDirect(4 * cache.heads * most * cache.width).order(ByteOrder.nativeOrder())
                .asFloatBuffer()
            for (head in 0 until if (past > 0) cache.heads else 0) {
                val rows = buffers[i].duplicate()
                rows.position(head * room * cache.width)
                rows.limit(rows.position() + past * cache.width)
                made.position(head * most * cache.width)
                made.put(rows)
            }
            made.position(0)
            made
        }
        caches.forEach { it.close() }
        caches = tables.caches.mapIndexed { i, cache ->
            val shape = longArrayOf(1, cache.heads.toLong(), most.toLong(), cache.width.toLong())
            OnnxTensor.createTensor(environment, longer[i], shape)
        }
        buffers = longer
        room = most
    }
}
