"""`int8-static`: int8 products of activations whose ranges are known beforehand.

Portable files get QuantizeLinear and DequantizeLinear around each product (QDQ), which compilers for NPUs
read as well. Which kernel ONNX Runtime makes of that hangs on details (profiled with 1.31 on x86): uint8
activations with int8 weights, each with its own DequantizeLinear, become a true int8 kernel
(MatMulIntegerToFloat); int8 activations leave an fp32 product that expands its weight at every call; a
DequantizeLinear of the weight alone becomes 8-bit weights in fp32 products (MatMulNBits). A Gemm becomes one
(QGemm) when its bias has a DequantizeLinear too. Results stay fp32: what follows (GELU, softmax,
normalisation) has no int8 kernel, and rounding them as well costs accuracy and time.

ONNX Runtime does not join the bias of a MatMul to the kernel that it makes of QDQ. Files for it alone hold
that kernel as it is, with its bias.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.export.onnx_schemes.graph import MICROSOFT
from edgekit.export.onnx_schemes.int8 import per_channel, uint8_grid, with_bias

if TYPE_CHECKING:
    from edgekit.export.onnx_schemes.graph import Graph, Product


def multiply(
    graph: Graph,
    product: Product,
    span: tuple[float, float],
    *,
    bits: int = 8,
    portable: bool = True,
) -> None:
    """MatMul or Gemm → QuantizeLinear and the same product of dequantized inputs, or its kernel.

    Args:
        span: the smallest and largest value of the product's input that must be told apart.
        portable: standard operators alone.
    """
    import numpy as np

    name, given = product.name, product.input
    step, middle = uint8_grid(*span)
    scale = graph.constant(f"{given.name}.input_scale", step)
    zero = graph.constant(f"{given.name}.input_zero", middle)
    (codes,) = graph.shared("QuantizeLinear", [given, scale, zero])
    weight, steps = per_channel(product.weight, bits=bits)
    matrix, scales = graph.constant(f"{name}.codes", weight), graph.constant(f"{name}.scales", steps)
    if not portable:
        kernel = [codes, matrix, scale, scales, zero, None, product.bias]
        graph.replace_product(product, *graph.add("MatMulIntegerToFloat", kernel, domain=MICROSOFT))
        return
    (rounded,) = graph.shared("DequantizeLinear", [codes, scale, zero])
    zeros = graph.constant(f"{name}.zeros", np.zeros(steps.shape, np.int8))
    (expanded,) = graph.add("DequantizeLinear", [matrix, scales, zeros], axis=1)
    if product.node.op_type == "MatMul" or product.bias is None:
        with_bias(graph, product, *graph.add("MatMul", [rounded, expanded]))
        return
    # A MatMul and an Add of two axes would become a Gemm that expands its weight at every call.
    sums = np.maximum(step * steps, np.finfo(np.float32).tiny).astype(np.float32)
    whole = np.rint(graph.array(str(product.bias.name)) / sums).clip(-(2**31) + 1, 2**31 - 1)
    bias = [
        graph.constant(f"{name}.bias_codes", whole.astype(np.int32)),
        graph.constant(f"{name}.bias_scales", sums),
    ]
    (added,) = graph.add("DequantizeLinear", bias, axis=0)
    graph.replace_product(product, *graph.add("Gemm", [rounded, expanded, added]))
