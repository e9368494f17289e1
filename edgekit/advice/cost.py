"""How many operations a program asks for, from the shapes of its operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgekit.advice.program import constant, extents, source

# These move or name values: they compute nothing.
MOVING = frozenset({
    "batch_to_space", "cast", "concat", "crop", "depth_to_space", "expand_dims", "fill", "fill_like",
    "flatten2d", "gather", "gather_along_axis", "gather_nd", "identity", "list_gather", "list_length",
    "list_read", "list_scatter", "list_write", "make_list", "pad", "pixel_shuffle", "pixel_unshuffle",
    "range_1d", "read_state", "coreml_update_state", "reshape", "reshape_like", "reverse",
    "reverse_sequence", "shape", "slice_by_index", "slice_by_size", "slice_update", "sliding_windows",
    "space_to_batch", "space_to_depth", "split", "squeeze", "stack", "tile", "transpose", "classify",
})  # fmt: skip
WINOGRAD = 4  # F(4×4, 3×3) multiplies 36 times for 16 outputs, not 144 (Lavin and Gray, 2016)


@dataclass(frozen=True, slots=True)
class Cost:
    """Operations of one prediction."""

    multiply_adds: int  # as the program writes them
    least_multiply_adds: int  # what no known algorithm for these operations goes below
    elementwise: int  # results of all other arithmetic, one each
    uncounted: tuple[
        str, ...
    ]  # operations whose shapes are not known, or that run an unknown number of times


def cost(block: Any) -> Cost:
    """Counts a block's operations, but for those inside `cond` and `while_loop`, which may never run."""
    total = least = others = 0
    uncounted = []
    for op in block.operations:
        if op.op_type == "const" or op.op_type.startswith("constexpr_") or op.op_type in MOVING:
            continue
        outputs = [extents(var) for var in op.outputs]
        if op.blocks or any(shape is None for shape in outputs):
            uncounted.append(op.name)
            continue
        if op.op_type in MULTIPLY_ADDS:
            made = MULTIPLY_ADDS[op.op_type](op)
            total += made
            least += made // WINOGRAD if _winograd(op) else made
        else:
            others += _elementwise(op)
    return Cost(total, least, others, tuple(uncounted))


def _elementwise(op: Any) -> int:
    outputs = sum(math.prod(extents(var) or ()) for var in op.outputs)
    read = extents(source(op, "x")) if op.op_type.startswith("reduce_") else None
    return max(outputs, math.prod(read)) if read is not None else outputs


def _winograd(op: Any) -> bool:
    if op.op_type != "conv" or _shape(op, "weight")[2:] != (3, 3):
        return False
    return all(int(v) == 1 for name in ("strides", "dilations") for v in constant(op, name, (1, 1)))


def _shape(op: Any, name: str) -> tuple[int, ...]:
    return extents(source(op, name)) or ()


def _output(op: Any) -> int:
    return math.prod(extents(op.outputs[0]) or ())


def _linear(op: Any) -> int:
    return _output(op) * _shape(op, "weight")[-1]


def _matmul(op: Any) -> int:
    left = _shape(op, "x")
    return _output(op) * left[-2 if len(left) > 1 and constant(op, "transpose_x", False) else -1]


def _einsum(op: Any) -> int:
    labels = str(constant(op, "equation")).partition("->")[0].replace(" ", "").split(",")
    values = op.inputs["values"]
    extent = {
        label: size
        for letters, var in zip(labels, values, strict=True)
        for label, size in zip(letters, extents(var) or (), strict=True)
    }
    return math.prod(extent.values())


def _conv(op: Any) -> int:
    return _output(op) * math.prod(_shape(op, "weight")[1:])


def _conv_transpose(op: Any) -> int:
    # Every input element meets the kernel once per output channel of its group.
    return math.prod(_shape(op, "x")) * math.prod(_shape(op, "weight")[1:])


def _attention(op: Any) -> int:
    query, key, value = (_shape(op, name) for name in ("query", "key", "value"))
    return math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _recurrent(op: Any) -> int:
    steps = math.prod(_shape(op, "x")[:2])
    names = ("weight_ih", "weight_hh", "weight_ih_back", "weight_hh_back")
    return steps * sum(math.prod(_shape(op, name)) for name in names if source(op, name) is not None)


MULTIPLY_ADDS: dict[str, Callable[[Any], int]] = {
    "linear": _linear,
    "matmul": _matmul,
    "einsum": _einsum,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "scaled_dot_product_attention": _attention,
    "lstm": _recurrent,
    "gru": _recurrent,
    "rnn": _recurrent,
}
