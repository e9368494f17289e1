/// What Python's str.split and str.strip take for white space; Character.isWhitespace is another set.
let whiteSpace: Set<UInt32> = Set(9...13).union(0x1c...0x20).union(0x2000...0x200a)
    .union([0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000])
