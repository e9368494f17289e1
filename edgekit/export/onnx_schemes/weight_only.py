"""`int8-weights` and `int4`: matrices and tables in blocks, read by ONNX Runtime's own operators.

MatMulNBits multiplies by a matrix in blocks along its inputs. GatherBlockQuantized reads rows of a table in
blocks along its width, and expands only the rows that it reads. Both take blocks of 16, 32, 64 … whatever the
width, and fill up the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.export.onnx_schemes.blocks import packed
from edgekit.export.onnx_schemes.graph import MICROSOFT

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.export.onnx_schemes.blocks import Blocks
    from edgekit.export.onnx_schemes.graph import Graph, Product


def multiply(graph: Graph, product: Product, blocks: Blocks, *, accuracy_level: int) -> None:
    """MatMul or Gemm → MatMulNBits.

    Args:
        accuracy_level: 4 rounds the input to int8 per block of inputs, 0 multiplies in fp32.
    """
    import numpy as np

    name = product.name
    rows = blocks.codes.transpose(2, 0, 1)  # [N, B, S]
    given = [
        product.input,
        graph.constant(f"{name}.codes", packed(rows, blocks.bits)),
        graph.constant(f"{name}.scales", np.ascontiguousarray(blocks.scales.T)),
        None if blocks.symmetric else graph.constant(f"{name}.zeros", packed(blocks.zeros.T, blocks.bits)),
        None,
        product.bias,
    ]
    (output,) = graph.add(
        "MatMulNBits",
        given,
        domain=MICROSOFT,
        K=blocks.inputs,
        N=rows.shape[0],
        bits=blocks.bits,
        block_size=blocks.size,
        accuracy_level=accuracy_level,
    )
    graph.replace_product(product, output)


def look_up(graph: Graph, node: ir.Node, name: str, blocks: Blocks) -> None:
    """Gather → GatherBlockQuantized.

    Args:
        blocks: of the table turned, `[D, V]`: D is cut into blocks. An odd D is for 8 bits only.
    """
    import numpy as np

    rows = blocks.codes.transpose(2, 0, 1).reshape(blocks.codes.shape[2], -1)[:, : blocks.inputs]
    assert blocks.bits == 8 or blocks.inputs % 2 == 0
    given = [
        graph.constant(f"{name}.codes", packed(rows, blocks.bits)),
        node.inputs[1],
        graph.constant(f"{name}.scales", np.ascontiguousarray(blocks.scales.T)),
    ]
    if not blocks.symmetric:
        given.append(graph.constant(f"{name}.zeros", packed(blocks.zeros.T, blocks.bits)))
    (output,) = graph.add(
        "GatherBlockQuantized",
        given,
        domain=MICROSOFT,
        bits=blocks.bits,
        block_size=blocks.size,
        gather_axis=0,
        quantize_axis=1,
    )
    graph.replace(node, output)
