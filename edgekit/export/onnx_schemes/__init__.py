"""How ONNX stores a weight in fewer bits: one scheme a file, and `carry_out`, which follows a plan."""
