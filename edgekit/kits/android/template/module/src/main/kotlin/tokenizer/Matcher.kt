package edgekit.kit

/** A pattern: a backtracking program over classes of code points. */
internal class Matcher {
    // Set by the table's lines that follow the pattern's own.
    var classes = Runs(IntArray(0))
    var program = IntArray(0)
    private val sets = ArrayList<Set<Int>>()

    fun addSet(kinds: IntArray) {
        sets.add(kinds.toSet())
    }

    /** What matches, and what lies between, from left to right: from where to before where. */
    inline fun parts(codes: Codes, visit: (matches: Boolean, from: Int, to: Int) -> Unit) {
        val kinds = IntArray(codes.size) { classes[code(codes[it])] }
        var gap = 0
        var at = 0
        while (at < codes.size) {
            val end = matchFrom(kinds, at)
            if (end < 0) {
                at++
                continue
            }
            if (gap < at) visit(false, gap, at)
            visit(true, at, end)
            gap = end
            at = end
        }
        if (gap < codes.size) visit(false, gap, codes.size)
    }

    /** Where the match that begins at [start] ends; −1: there is none. */
    fun matchFrom(kinds: IntArray, start: Int): Int {
        val todo = ArrayDeque<Int>() // the other way of each fork: instruction, place
        var at = 0
        var i = start
        while (true) {
            when (val instruction = program[at]) {
                MATCH -> return i
                JUMP -> at = program[at + 1]
                EITHER -> {
                    todo.addLast(program[at + 2])
                    todo.addLast(i)
                    at = program[at + 1]
                }
                else -> {
                    val inside = i < kinds.size && kinds[i] in sets[program[at + 1]]
                    if (inside == (instruction == SET)) {
                        if (inside) i++
                        at += 2
                    } else {
                        if (todo.isEmpty()) return -1
                        i = todo.removeLast()
                        at = todo.removeLast()
                    }
                }
            }
        }
    }

    private companion object {
        const val MATCH = 0
        const val SET = 1 // NOT is 2
        const val JUMP = 3
        const val EITHER = 4
    }
}
