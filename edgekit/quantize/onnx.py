"""How each weight of an ONNX file is stored under one scheme, decided from the file's own graph.

The plain graph and the one of ONNX Runtime's operators hold the same weights in different pieces (packed
queries, keys and values are one matrix), so the plan is made from the file that it is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.quantize.plan import SHORT_TABLES, SMALL
from edgekit.recipe.schema.precisions import ONNX_SCHEMES
from edgekit.types import LayerPrecision, Quantized

PLAIN_BITS = 32
FILTER = "a convolution"  # reader of a filter
FRONT_END = "front_end."  # how names begin of what is in front of a network: a spectrogram


@dataclass(frozen=True, slots=True)
class OnnxWeight:
    """A constant of floats in a graph, and who reads it."""

    name: str
    shape: tuple[int, ...]
    readers: frozenset[
        str
    ]  # "matrix": on the right of a product; "table": rows are looked up; else who reads it
    is_last: bool = False  # of the last product in the graph

    @property
    def count(self) -> int:
        """Values."""
        total = 1
        for extent in self.shape:
            total *= extent
        return total


def read_weights(path: Path) -> list[OnnxWeight]:
    """The weights of an ONNX file in its own order; constants that stand for no parameter are left out."""
    import onnx_ir as ir

    graph = ir.load(path).graph
    last = ""
    for node in graph:
        right = node.inputs[1] if node.op_type in ("MatMul", "Gemm") else None
        if right is not None and right.is_initializer():
            last = str(right.name)
    found = []
    for name, value in graph.initializers.items():
        if value.dtype != ir.DataType.FLOAT or value.const_value is None or not value.uses():
            continue
        shape = tuple(int(extent) for extent in value.const_value.shape.numpy())
        readers = frozenset(_reader(node.op_type, index) for node, index in value.uses())
        if "." in name or (len(shape) == 2 and readers & {"matrix", "table"}):
            found.append(OnnxWeight(name, shape, readers, name == last))
    return found


def _reader(operator: str, index: int) -> str:
    if operator in ("MatMul", "Gemm") and index == 1:
        return "matrix"
    if operator == "Conv" and index == 1:
        return FILTER
    return "table" if operator == "Gather" and index == 0 else operator


def plan_onnx(
    weights: Sequence[OnnxWeight],
    *,
    name: str,
    target: str,
    scheme: str,
    block_size: int = 32,
    reduce_range: bool = False,
) -> Quantized:
    """One scheme for every matrix and the word table; everything else stays, each with its reason.

    Filters of convolutions are stored in `int8-static` alone.

    Args:
        weights: of the file that the plan is for.
        scheme: a name in `ONNX_SCHEMES`, but "mixed".
        block_size: inputs that share a scale in the weight-only schemes.
        reduce_range: 7 bits in the int8 products, for x86 CPUs without VNNI, whose sums saturate.
    """
    layers = tuple(_stored(weight, scheme, block_size, reduce_range) for weight in weights)
    return Quantized(model=name, target=target, scheme=scheme, layers=layers)


def _stored(weight: OnnxWeight, scheme: str, block_size: int, reduce_range: bool) -> LayerPrecision:
    if weight.name.startswith(FRONT_END):
        why = "part of the spectrogram: powers range over 74 dB, and 8 bits over 48"
        return LayerPrecision(weight.name, PLAIN_BITS, "none", skipped_because=why)
    if weight.readers == {FILTER} and scheme == "int8-static":
        # However small: between two int8 convolutions one in fp32 costs more than it computes.
        return LayerPrecision(weight.name, 8, "per_channel", scheme=scheme)
    why = _left_because(weight)
    if why:
        return LayerPrecision(weight.name, PLAIN_BITS, "none", skipped_because=why)
    table = "table" in weight.readers
    told = ONNX_SCHEMES[scheme]
    stored = told.table if table else told.matrix
    if stored in ("int8", "int8-static", "int8-smooth"):
        if table:
            return LayerPrecision(weight.name, 8, "per_tensor", scheme=stored)
        note = "7 bits: sums of 8-bit products saturate on this CPU" if reduce_range else ""
        return LayerPrecision(weight.name, 7 if reduce_range else 8, "per_channel", scheme=stored, note=note)
    bits, note = ONNX_SCHEMES[stored].bits, ""
    if table and bits == 4 and weight.shape[1] % 2:
        stored, bits, note = "int8-weights", 8, "8 bits: a table in 4 bits needs an even width"
    return LayerPrecision(weight.name, bits, "per_block", scheme=stored, group_size=block_size, note=note)


def _left_because(weight: OnnxWeight) -> str:
    """Why a weight stays as it is; "" if it doesn't."""
    if len(weight.shape) < 2:
        return "a vector: nothing to gain"
    if {"matrix", "table"} <= weight.readers:
        return "also the weight of another layer: it would be stored twice"
    if "table" in weight.readers and any(word in weight.name for word in SHORT_TABLES):
        return "a position or type table: small, and added to every token"
    if weight.is_last:
        return "the output layer: its error goes straight into the answer"
    if weight.count < SMALL:
        return f"only {weight.count} weights: nothing to gain"
    others = sorted(weight.readers - {"matrix", "table"})
    if others or len(weight.shape) != 2:
        return f"read by {', '.join(others) or 'products of more than two axes'}, which has no kernel for it"
    return ""
