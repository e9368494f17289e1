"""Rules on operations that the Neural Engine is not known to run, or runs within limits."""

from __future__ import annotations

from typing import Any

from edgekit.advice.program import computed, constant, extents, size_bytes, source
from edgekit.advice.rules.rule import Found, found
from edgekit.advice.scene import Scene

RECURRENT = ("lstm", "gru", "rnn")
CONTROL = ("cond", "while_loop", "make_list", "list_gather", "list_length", "list_read", "list_scatter",
           "list_write")  # fmt: skip
# Marked unsupported on every chip in ANEForge's catalog.
NOWHERE = (
    "acos", "acosh", "asin", "asinh", "atanh", "band_part", "cosh", "cumsum", "logical_and", "logical_or",
    "logical_xor", "mod", "non_zero", "one_hot", "random_bernoulli", "random_categorical", "random_normal",
    "reduce_prod", "reverse_sequence", "scatter", "scatter_along_axis", "scatter_nd", "shape", "sinh",
    "sliding_windows", "tan",
)  # fmt: skip
# On some chips only, by the same catalog → the first that has it.
SINCE = {
    "affine": "M2", "argsort": "M2", "cos": "M3", "crop_resize": "M2", "gather_nd": "M2",
    "random_uniform": "M3", "reduce_argmin": "M3", "resample": "M2", "resize": "M2",
    "resize_bilinear": "M2", "resize_nearest_neighbor": "M2", "sin": "M3", "topk": "M2",
    "upsample_bilinear": "M2", "upsample_nearest_neighbor": "M2",
}  # fmt: skip
MAX_KERNEL_WIDTH, MAX_KERNEL_HEIGHT = 13, 29
MAX_POOL_KERNEL, MAX_POOL_STRIDE = 13, 2
WORKING_SET_BYTES = 2 << 20
COPYING = ("reshape", "transpose")


def recurrent(scene: Scene) -> Found | None:
    """LSTM, GRU and RNN."""
    return found(op for op in scene.operations if op.op_type in RECURRENT)


def control_flow(scene: Scene) -> Found | None:
    """Branches, loops and lists."""
    return found(op for op in scene.operations if op.op_type in CONTROL)


def nowhere(scene: Scene) -> Found | None:
    """Operations that no Neural Engine is known to run."""
    return found(op for op in scene.operations if op.op_type in NOWHERE)


def newer_chips(scene: Scene) -> Found | None:
    """Operations that the first chips of the family lack."""
    hits = [op for op in scene.operations if op.op_type in SINCE]
    kinds = sorted({op.op_type for op in hits})
    return found(hits, ", ".join(f"{kind} since {SINCE[kind]}" for kind in kinds))


def lookups(scene: Scene) -> Found | None:
    """Gathers whose indices are computed, embedding tables among them."""
    return found(
        op
        for op in scene.operations
        if op.op_type in ("gather", "gather_along_axis", "gather_nd")
        and computed(op.inputs["indices"])
        # Picking one extent out of a shape is no lookup.
        and extents(op.outputs[0]) != ()
    )


def convolutions(scene: Scene) -> Found | None:
    """Convolutions with a large kernel, dilation, or three spatial axes."""
    return found(op for op in scene.operations if op.op_type in ("conv", "conv_transpose") and _beyond(op))


def _beyond(op: Any) -> bool:
    kernel = (extents(source(op, "weight")) or ())[2:]
    if len(kernel) > 2 or any(int(d) > 1 for d in constant(op, "dilations", ())):
        return True
    height = kernel[0] if len(kernel) == 2 else 1
    return kernel[-1] > MAX_KERNEL_WIDTH or height > MAX_KERNEL_HEIGHT


def pools(scene: Scene) -> Found | None:
    """Pooling over a large window, or with a stride above 2."""
    return found(
        op
        for op in scene.operations
        if op.op_type in ("avg_pool", "max_pool", "l2_pool")
        and (
            max(constant(op, "kernel_sizes")) > MAX_POOL_KERNEL
            or max(constant(op, "strides", (1,))) > MAX_POOL_STRIDE
        )
    )


def softmaxes(scene: Scene) -> Found | None:
    """Softmax over more than 2 MiB at once."""
    hits = [
        op
        for op in scene.operations
        if op.op_type == "softmax" and (size_bytes(op.outputs[0]) or 0) > WORKING_SET_BYTES
    ]
    shapes = sorted({str(list(extents(op.outputs[0]) or ())) for op in hits})
    return found(hits, f"over {', '.join(shapes[:3])}")


def linear_layout(scene: Scene) -> Found | None:
    """Linear layers, and products with a stored matrix, whose channels are the last axis."""
    return found(
        op
        for op in scene.operations
        if op.op_type == "linear" or (op.op_type == "matmul" and not computed(op.inputs["y"]))
    )


def copies(scene: Scene) -> Found | None:
    """Reshapes and transposes."""
    return found(op for op in scene.operations if op.op_type in COPYING)
