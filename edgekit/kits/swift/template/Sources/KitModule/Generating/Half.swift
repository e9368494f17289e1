// Half precision as bits: Swift has no Float16 on Macs with Intel processors.

/// What a token may not look at: −30000 is far enough below for a softmax.
let halfMasked: UInt16 = 0xf753

extension Float {
    /// A number from IEEE 754's 16 bits.
    init(half bits: UInt16) {
        let sign = UInt32(bits & 0x8000) << 16
        let rest = UInt32(bits & 0x7fff) << 13 // exponent and fraction, where a Float has them
        let isFinite = bits & 0x7c00 != 0x7c00
        // The exponent counts from another zero: 2¹¹² makes up for it, and is exact for the smallest numbers too.
        let size = isFinite ? Float(bitPattern: rest) * 0x1p112 : Float(bitPattern: 0x7f80_0000 | rest)
        self = Float(bitPattern: sign | size.bitPattern)
    }
}
