"""Questions that several rules ask of a graph."""

from __future__ import annotations

from typing import Any

import onnx_ir as ir

MICROSOFT = "com.microsoft"


def constant(value: ir.Value | None) -> Any:
    """A constant's numpy array, or None."""
    tensor = ir.convenience.get_const_tensor(value) if value is not None else None
    return None if tensor is None else tensor.numpy()


def scalar(value: ir.Value | None) -> float | None:
    """The number in a constant of one element, or None."""
    array = constant(value)
    return float(array.item()) if array is not None and array.size == 1 else None


def made_by(value: ir.Value | None, op_type: str, domain: str = "") -> ir.Node | None:
    """The node that computes `value`, if it is of this type."""
    node = value.producer() if value is not None else None
    return node if node is not None and (node.op_type, node.domain) == (op_type, domain) else None


def read_once(value: ir.Value) -> bool:
    """Whether one node reads `value`, once, and the graph does not return it."""
    return len(value.uses()) == 1 and not value.is_graph_output()


def rank(value: ir.Value) -> int | None:
    """Number of dimensions, or None when it is not recorded."""
    return None if value.shape is None else len(value.shape)


def dims(value: ir.Value) -> tuple[int | str | None, ...]:
    """Each dimension's size or name, None where it has neither; empty when no shape is recorded."""
    return () if value.shape is None else tuple(d if isinstance(d, int) else d.value for d in value.shape)


def attribute(node: ir.Node, name: str, default: Any) -> Any:
    """An attribute's value, or the operator's default for it."""
    found = node.attributes.get(name)
    return default if found is None else found.value
