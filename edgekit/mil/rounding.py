"""How values are held between operations, and when they are rounded to the type that the program declares.

Every float is held as float32. In mode "declared" an operation's half-precision output is rounded to the
nearest float16 and held as the float32 of the same value, so that no consumer has to widen it again. In mode
"none" nothing is rounded: what remains of a difference to the source model is then a fault of conversion, not
of precision.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch

from edgekit.errors import ModelError
from edgekit.mil.call import Value

Rounding = Literal["declared", "none"]

# How each MIL type is held. Torch has few kernels for its wider unsigned types.
HELD: dict[str, torch.dtype] = {
    "fp16": torch.float32,
    "fp32": torch.float32,
    "fp64": torch.float32,
    "bool": torch.bool,
    "int4": torch.int8,
    "int8": torch.int8,
    "int16": torch.int16,
    "int32": torch.int32,
    "int64": torch.int64,
    "uint1": torch.uint8,
    "uint2": torch.uint8,
    "uint3": torch.uint8,
    "uint4": torch.uint8,
    "uint6": torch.uint8,
    "uint8": torch.uint8,
    "uint16": torch.int32,
    "uint32": torch.int64,
    "uint64": torch.int64,
}

# Operations whose outputs are copies of input values: half-precision inputs need no second rounding.
MOVES = frozenset({
    "identity", "reshape", "reshape_like", "transpose", "expand_dims", "squeeze", "flatten2d", "concat",
    "stack", "split", "tile", "reverse", "slice_by_index", "slice_by_size", "slice_update", "pad", "gather",
    "gather_along_axis", "gather_nd", "select", "relu", "maximum", "minimum", "max_pool", "reduce_max",
    "reduce_min", "depth_to_space", "space_to_depth", "pixel_shuffle", "pixel_unshuffle", "batch_to_space",
    "space_to_batch", "sliding_windows", "band_part", "cond", "while_loop", "list_read", "list_gather",
    "read_state", "coreml_update_state",
})  # fmt: skip


def check_mode(rounding: str) -> None:
    """Raises:
    ModelError: the mode is not one of the two.
    """
    if rounding not in get_args(Rounding):
        raise ModelError(
            f"rounding={rounding!r} is not a rounding mode.", remedy='Use rounding="declared" or "none".'
        )


def type_name(var: Any) -> str:
    """The MIL type of a pymil Var's elements: "fp16", "int32", "string", "list", "dict", "state"."""
    from coremltools.converters.mil.mil import types

    if types.is_list(var.sym_type):
        return "list"
    if types.is_state(var.sym_type):
        return "state"
    if types.is_dict(var.sym_type):
        return "dict"
    return str(types.builtin_to_string(var.dtype))


def to_half(value: torch.Tensor) -> torch.Tensor:
    """Rounds float32 to the nearest float16 (ties to even, overflow to infinity), held as float32."""
    return value.half().float()


def settle(value: Value, name: str, *, round_half: bool) -> Value:
    """Brings what a kernel returned to the held form of its declared type."""
    held = HELD.get(name)
    if held is None:  # a string, a list or a dictionary
        return value
    if not isinstance(value, torch.Tensor):
        value = torch.tensor(value)
    if value.dtype != held:
        value = value.to(held)
    return to_half(value) if round_half and name == "fp16" else value
