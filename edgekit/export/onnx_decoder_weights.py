"""A decoder's matrices and token table in 4 or 8 bits per block, in the graph that was written in fp32."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any

from edgekit.errors import ExportError
from edgekit.export.onnx_decoder_graph import TABLE
from edgekit.export.onnx_schemes import weight_only
from edgekit.export.onnx_schemes.blocks import Blocks, packed, round_to_nearest
from edgekit.export.onnx_schemes.graph import MICROSOFT, Graph
from edgekit.export.onnx_schemes.hqq import half_quadratic

if TYPE_CHECKING:
    import onnx_ir as ir

LEAST = 16  # inputs in a block, for ONNX Runtime
INT8_INPUTS = 4  # MatMulNBits' accuracy_level: inputs are rounded to int8 per block

PRECISIONS: dict[str, tuple[int, Any]] = {  # name → bits of a matrix, how they are found
    "int8": (8, round_to_nearest),
    "int4": (4, round_to_nearest),
    "int4-hqq": (4, half_quadratic),
}


def compress(graph: Graph, precision: str, *, block_size: int, table_bits: int, tied: bool) -> None:
    """Stores every matrix in blocks, and the token table; a tied head reads the table's own codes.

    Blocks are symmetric: a zero point that is a whole code costs time and space, and won nothing on
    SmolLM2. A matrix's last block is filled up; the table's may not be, so its blocks are as large as
    divides its width.

    Args:
        block_size: inputs that share a scale, a power of two from 16.

    Raises:
        ExportError: no such precision, or the table's width is no whole number of blocks.
    """
    if precision not in PRECISIONS:
        raise ExportError(
            f"There is no precision {precision!r} for decoders in ONNX.",
            remedy=f"Choose one of: fp32, {', '.join(PRECISIONS)}.",
        )
    bits, rounded = PRECISIONS[precision]
    for name in list(graph.model.graph.initializers):
        for product in graph.products(name):
            blocks = rounded(product.weight, bits=bits, size=block_size, symmetric=True)
            weight_only.multiply(graph, product, blocks, accuracy_level=INT8_INPUTS)
    table = graph.array(TABLE)
    size = gcd(table.shape[1], block_size)
    if size < LEAST:
        raise ExportError(
            f"The token table is {table.shape[1]} wide, which is no whole number of blocks of {LEAST}.",
            remedy="Use precision fp32.",
        )
    blocks = rounded(table.T, bits=table_bits, size=size, symmetric=True)
    (lookup,) = graph.lookups(TABLE)
    if tied:
        _tie(graph, lookup, blocks)
    else:
        weight_only.look_up(graph, lookup, TABLE, blocks)


def _tie(graph: Graph, lookup: ir.Node, blocks: Blocks) -> None:
    """Head and look-up by one constant of codes: `[V, blocks, bytes]` for one, `[V, bytes]` for the other."""
    import numpy as np

    codes = packed(blocks.codes.transpose(2, 0, 1), blocks.bits)
    stored = [
        graph.constant(f"{TABLE}.codes", codes),
        graph.constant(f"{TABLE}.scales", np.ascontiguousarray(blocks.scales.T)),
    ]
    (transposed,) = [n for n, _ in graph.model.graph.initializers[TABLE].uses() if n.op_type == "Transpose"]
    (use,) = transposed.outputs[0].uses()
    product = use.node
    (output,) = graph.add(
        "MatMulNBits",
        [product.inputs[0], *stored],
        domain=MICROSOFT,
        K=blocks.inputs,
        N=codes.shape[0],
        bits=blocks.bits,
        block_size=blocks.size,
        accuracy_level=INT8_INPUTS,
    )
    graph.replace(product, output)
    graph.model.graph.remove(transposed, safe=True)
    shape = graph.constant(f"{TABLE}.shape", np.array([codes.shape[0], -1], np.int64))
    (rows,) = graph.add("Reshape", [stored[0], shape])
    (found,) = graph.add(
        "GatherBlockQuantized",
        [rows, lookup.inputs[1], *stored[1:]],
        domain=MICROSOFT,
        bits=blocks.bits,
        block_size=blocks.size,
        gather_axis=0,
        quantize_axis=1,
    )
    graph.replace(lookup, found)
