"""The constants of a program: converted, or decompressed, when first needed, and kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from edgekit.mil.call import Call, Value
from edgekit.mil.decompress import filler
from edgekit.mil.rounding import type_name

RELEASE_ABOVE_BYTES = 1 << 16


def is_constant(var: Any) -> bool:
    """Whether a pymil Var is a stored constant, plain or compressed."""
    return var.op is not None and (var.op.op_type == "const" or var.op.op_type.startswith("constexpr_"))


def held(value: Any) -> Value:
    """A stored value in the form that kernels see: floats as float32, scalars and strings as Python's."""
    if isinstance(value, str | bool | int | float) or value is None:
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return tuple(held(entry) for entry in value)
    if value.dtype.kind in "US":
        return tuple(value.tolist())
    wide = {np.dtype(np.uint16): np.int32, np.dtype(np.uint32): np.int64, np.dtype(np.uint64): np.int64}
    if value.dtype.kind == "f":
        value = value.astype(np.float32, copy=False)
    elif value.dtype in wide:
        value = value.astype(wide[value.dtype])
    elif value.dtype.metadata:  # a type of fewer than 8 bits, stored unpacked
        value = value.view(np.dtype(value.dtype.str))
    return torch.from_numpy(value if value.flags.writeable else value.copy())


class Constants:
    """The held constants of one function. Not meant for two threads at once."""

    def __init__(self) -> None:
        self._held: dict[int, Value] = {}

    def __call__(self, var: Any) -> Value:
        """The value of a constant Var, held."""
        key = id(var)
        if key not in self._held:
            stored = self._in_pieces(var)
            if stored is None:
                stored = self._stored(var)
            self._held[key] = held(stored)
            if not _shares_memory(self._held[key], stored):
                _release(var)
        return self._held[key]

    def _in_pieces(self, var: Any) -> np.ndarray | None:
        """The float32 value of a compressed weight that need not be decompressed as a whole."""
        if var.op.op_type == "const" or len(var.op.outputs) > 1 or type_name(var) not in ("fp16", "fp32"):
            return None
        inputs = {name: self._stored(source) for name, source in var.op.inputs.items()}
        fill = filler(var.op, inputs)
        if fill is None:
            return None
        dense = np.empty(var.shape, np.float32)
        fill(dense, inputs, type(var.op).decompress)
        for source in var.op.inputs.values():
            _release(source)
        return dense

    def _stored(self, var: Any) -> Any:
        """The value as stored: numpy, in its declared type (sub-byte types carry their width as metadata)."""
        op = var.op
        if op.op_type == "const":
            return var.val
        from edgekit.mil.ops.constexpr import OPS

        inputs = {name: self._stored(source) for name, source in op.inputs.items()}
        call = Call(op, inputs, tuple(op.outputs), _no_blocks, {}, torch.Generator())
        result = OPS[op.op_type](call)
        if len(op.outputs) == 1:
            if len(var.child_ops) <= 1:
                for source in op.inputs.values():
                    _release(source)
            return result
        return result[op.outputs.index(var)]


def _shares_memory(value: Value, stored: Any) -> bool:
    return not isinstance(value, torch.Tensor) or np.shares_memory(value.numpy(), stored)


def _release(var: Any) -> None:
    """Drops the stored copy of a large weight that only one operation reads, once its held form exists."""
    if var.op.op_type != "const" or len(var.child_ops) > 1 or var.consuming_blocks:
        return
    if isinstance(var.val, np.ndarray) and var.val.nbytes > RELEASE_ABOVE_BYTES:
        var.op.val._sym_val = None
        var._sym_val = None


def _no_blocks(block: Any, inputs: Any) -> tuple[Value, ...]:
    raise AssertionError("a constant has no nested blocks")
