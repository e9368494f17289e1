/// A pattern: a backtracking program over classes of code points.
struct Matcher: Sendable {
    var classes = Runs()
    var code: [Int] = []
    private var sets: [[Bool]] = [] // by class

    init() {}

    mutating func addSet(_ members: [Int]) {
        var set = [Bool](repeating: false, count: (members.max() ?? -1) + 1)
        for member in members { set[member] = true }
        sets.append(set)
    }

    /// What matches, and what lies between, from left to right.
    func parts(_ units: [Unit]) -> [(found: Bool, part: ArraySlice<Unit>)] {
        let kinds = units.map { classes[$0.code] }
        var made: [(found: Bool, part: ArraySlice<Unit>)] = []
        var todo: [(at: Int, i: Int)] = []
        var gap = 0, i = 0
        while i < units.count {
            let end = end(kinds, from: i, &todo)
            if end < 0 {
                i += 1
                continue
            }
            if gap < i { made.append((false, units[gap..<i])) }
            made.append((true, units[i..<end]))
            gap = end
            i = end
        }
        if gap < units.count { made.append((false, units[gap...])) }
        return made
    }

    /// Where the match that begins at `start` ends; −1: there is none.
    private func end(_ kinds: [Int], from start: Int, _ todo: inout [(at: Int, i: Int)]) -> Int {
        todo.removeAll(keepingCapacity: true)
        todo.append((0, start))
        while var (at, i) = todo.popLast() {
            running: while true {
                switch code[at] {
                case 0: // match
                    return i
                case 3: // jump
                    at = code[at + 1]
                case 4: // either
                    todo.append((code[at + 2], i))
                    at = code[at + 1]
                case let kind: // 1: one of a set; 2: none of it follows
                    let set = sets[code[at + 1]]
                    let inside = i < kinds.count && kinds[i] < set.count && set[kinds[i]]
                    if inside != (kind == 1) { break running }
                    if kind == 1 { i += 1 }
                    at += 2
                }
            }
        }
        return -1
    }
}
