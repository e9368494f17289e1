package edgekit.kit

/** What `edgekit bench import` reads; docs/device-result.schema.json of edgekit says what each field means. */
internal class DeviceResult(private val fields: Map<String, Any?>) {
    /** JSON, keys in the order given; a field that was not measured is left out. */
    fun json(): String = StringBuilder().also { write(fields, "\n", it) }.append('\n').toString()

    private fun write(value: Any?, line: String, out: StringBuilder) {
        when (value) {
            is Map<*, *> -> list('{', '}', value.filterValues { it != null }.entries, line, out) { (name, field) ->
                quote(name.toString(), out)
                out.append(": ")
                write(field, "$line  ", out)
            }
            is List<*> -> list('[', ']', value, line, out) { write(it, "$line  ", out) }
            is String -> quote(value, out)
            is Double -> out.append(if (value.isFinite()) value.toString() else "null")
            else -> out.append(value)
        }
    }

    private fun <T> list(
        open: Char, close: Char, members: Collection<T>, line: String, out: StringBuilder, each: (T) -> Unit,
    ) {
        out.append(open)
        members.forEachIndexed { i, member ->
            out.append(if (i > 0) ",$line  " else "$line  ")
            each(member)
        }
        out.append(if (members.isEmpty()) "" else line).append(close)
    }

    private fun quote(text: String, out: StringBuilder) {
        out.append('"')
        for (letter in text) {
            when {
                letter == '"' || letter == '\\' -> out.append('\\').append(letter)
                letter < ' ' || letter.isSurrogate() -> out.append("\\u%04x".format(letter.code))
                else -> out.append(letter)
            }
        }
        out.append('"')
    }

    companion object {
        /** A result of this module. */
        fun of(device: Device, rows: List<Map<String, Any?>>, dateUtc: String) = DeviceResult(
            mapOf(
                "format" to "edgekit device result 1.0",
                "date_utc" to dateUtc,
                "artifact" to mapOf(
                    "name" to Kit.NAME,
                    "target" to Kit.TARGET,
                    "precision" to Kit.PRECISION,
                    "task" to Kit.TASK,
                    "sha256" to Kit.SHA256,
                    "size_bytes" to Kit.SIZE_BYTES,
                    "parameters" to Kit.PARAMETERS,
                ),
                "kit" to mapOf("platform" to "android", "edgekit_version" to Kit.EDGEKIT_VERSION),
                "device" to device.description,
                "rows" to rows,
            ),
        )
    }
}
