"""Reading an operation's arguments, which arrive as tensors, Python scalars, or tuples of either."""

from __future__ import annotations

from typing import cast

import torch

from edgekit.mil.call import Call, Value


def tensor(value: Value) -> torch.Tensor:
    """The value as a tensor; a Python scalar becomes one of rank 0."""
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value)


def integer(value: Value) -> int:
    """A scalar, or a tensor of one element, as an int."""
    return int(value.item()) if isinstance(value, torch.Tensor) else int(value)


def number(value: Value) -> int | float:
    """A scalar, or a tensor of one element, as a Python number."""
    return cast("int | float", value.item() if isinstance(value, torch.Tensor) else value)


def flag(value: Value) -> bool:
    """A scalar, or a tensor of one element, as a bool."""
    return bool(value)


def integers(value: Value) -> list[int]:
    """A tensor, a tuple or a lone scalar as a flat list of ints."""
    if isinstance(value, torch.Tensor):
        return [int(item) for item in value.reshape(-1).tolist()]
    if isinstance(value, list | tuple):
        return [integer(item) for item in value]
    return [integer(value)]


def axis_of(call: Call, rank: int, default: int, name: str = "axis") -> int:
    """The argument `name` as an axis in `[0, rank)`.

    Raises:
        ModelError: the axis doesn't exist in a tensor of that rank.
    """
    axis = integer(call.get(name, default))
    if not -rank <= axis < max(rank, 1):
        raise call.unsupported(f"axis {axis} of a tensor of rank {rank}")
    return axis % max(rank, 1)


def axes_of(value: Value, rank: int) -> list[int]:
    """Axes in `[0, rank)`, sorted, each one once; all of them when there is no value."""
    if value is None:
        return list(range(rank))
    return sorted({axis % max(rank, 1) for axis in integers(value)})
