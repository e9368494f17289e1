"""`int8`: weights in int8 per channel, activations in uint8 with the range that each batch has.

Standard operators only. ONNX Runtime joins DynamicQuantizeLinear, MatMulInteger, Cast and the two Mul to one
int8 kernel when it loads the file; the sum of products is exact in int32, whatever the CPU, unless the CPU
adds pairs of 8-bit products in 16 bits (x86 without VNNI): for that a weight's plan says 7 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.export.onnx_schemes.blocks import TINY

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

    from edgekit.export.onnx_schemes.graph import Graph, Product

FLOAT = 1  # onnx.TensorProto.FLOAT


def per_channel(weight: np.ndarray, *, bits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """int8 codes `[K, N]` and a float32 scale per output `[N]`; 0 stays 0.

    Args:
        weight: float32 `[K, N]`.
        bits: 8 gives −127 … 127, 7 gives −64 … 64, as ONNX Runtime's `reduce_range`.
    """
    import numpy as np

    top = 127 if bits == 8 else 64
    scales = np.maximum(np.abs(weight).max(0) / top, TINY).astype(np.float32)
    return np.clip(np.rint(weight / scales), -top, top).astype(np.int8), scales


def one_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """uint8 codes of the same shape, with one scale (float32) and one zero point (uint8) for all."""
    import numpy as np

    scale, zero = uint8_grid(float(values.min()), float(values.max()))
    codes = np.clip(np.rint(values / scale) + np.float32(zero), 0, 255).astype(np.uint8)
    return codes, scale, zero


def uint8_grid(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """The scale (float32) and zero point (uint8) with which 256 values cover a range and 0."""
    import numpy as np

    # In float32 throughout, as training rounds: a zero point half way between two must not differ.
    least, most = np.float32(min(low, 0.0)), np.float32(max(high, 0.0))
    scale = (most - least) / np.float32(255) or np.float32(1)
    return np.array(scale, np.float32), np.array(np.clip(np.rint(-least / scale), 0, 255), np.uint8)


def multiply(graph: Graph, product: Product, *, bits: int = 8) -> None:
    """MatMul or Gemm → DynamicQuantizeLinear, MatMulInteger and the scales."""
    codes, scales = per_channel(product.weight, bits=bits)
    given, given_scale, zero = graph.shared("DynamicQuantizeLinear", [product.input], outputs=3)
    (sums,) = graph.add("MatMulInteger", [given, graph.constant(f"{product.name}.codes", codes), zero])
    (sums,) = graph.add("Cast", [sums], to=FLOAT)
    (scale,) = graph.add("Mul", [given_scale, graph.constant(f"{product.name}.scales", scales)])
    (output,) = graph.add("Mul", [sums, scale])
    with_bias(graph, product, output)


def with_bias(graph: Graph, product: Product, output: ir.Value) -> None:
    """Puts `output`, and the bias, in the product's place."""
    if product.bias is not None:
        (output,) = graph.add("Add", [output, product.bias])
    graph.replace_product(product, output)


def look_up(graph: Graph, node: ir.Node, name: str) -> None:
    """Gather → Gather of codes and DequantizeLinear of the rows that were read."""
    codes, scale, zero = one_scale(graph.array(name))
    (rows,) = graph.add(
        "Gather",
        [graph.constant(f"{name}.codes", codes), node.inputs[1]],
        axis=node.attributes.get_int("axis", 0),
    )
    scale_value = graph.constant(f"{name}.scale", scale)
    (output,) = graph.add("DequantizeLinear", [rows, scale_value, graph.constant(f"{name}.zero", zero)])
    graph.replace(node, output)
