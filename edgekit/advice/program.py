"""Reading a pymil function: its operations in order, and what its Vars say of themselves."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from edgekit.mil.constants import is_constant
from edgekit.mil.rounding import type_name

FLOATS = ("fp16", "fp32")
WHOLE = re.compile(r"u?int(\d+)")


def walk(block: Any) -> Iterator[Any]:
    """Every operation that computes, those of nested blocks too; constants are left out."""
    for op in block.operations:
        if op.op_type != "const" and not op.op_type.startswith("constexpr_"):
            yield op
            for nested in op.blocks:
                yield from walk(nested)


def sources(op: Any) -> Iterator[Any]:
    """The Vars that an operation reads, variadic inputs one by one."""
    for given in op.inputs.values():
        yield from given if isinstance(given, list | tuple) else (given,)


def source(op: Any, name: str) -> Any:
    """The Var given for one named input; None when it is absent."""
    return op.inputs.get(name)


def constant(op: Any, name: str, default: Any = None) -> Any:
    """The value of a constant input; `default` when it is absent or computed."""
    var = op.inputs.get(name)
    return default if var is None or var.val is None else var.val


def extents(var: Any) -> tuple[int, ...] | None:
    """A tensor's shape; None when it is no tensor, or an extent is not known."""
    from coremltools.converters.mil.mil import types
    from coremltools.converters.mil.mil.types.symbolic import is_symbolic

    kind = var.sym_type
    kind = kind.wrapped_type() if types.is_state(kind) else kind
    if types.is_scalar(kind):
        return ()
    if not types.is_tensor(kind) or any(is_symbolic(extent) for extent in kind.get_shape()):
        return None
    return tuple(int(extent) for extent in kind.get_shape())


def dtype(var: Any) -> str:
    """MIL's name of a tensor's element type: "fp16", "int32", "uint4"; for a state, that of what it holds."""
    from coremltools.converters.mil.mil import types

    if types.is_state(var.sym_type):
        return str(types.builtin_to_string(var.sym_type.wrapped_type().get_primitive()))
    return type_name(var)


def bits(var: Any) -> int | None:
    """The width of an element; None for text and lists."""
    name = dtype(var)
    if name == "bool":
        return 8
    width = re.search(r"(\d+)$", name)
    return int(width.group(1)) if width and (name in FLOATS or WHOLE.fullmatch(name)) else None


def size_bytes(var: Any) -> int | None:
    """Bytes of a tensor without padding; None when its shape or type is not known."""
    shape, width = extents(var), bits(var)
    return None if shape is None or width is None else math.ceil(math.prod(shape) * width / 8)


def computed(var: Any) -> bool:
    """Whether a Var is neither a stored constant nor known before the program runs."""
    return not is_constant(var) and var.val is None
