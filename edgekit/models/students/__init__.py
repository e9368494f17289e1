"""How a student is cut from its teacher: layers, heads, width, vocabulary, rank; and its int8 rounding."""
