"""Reading an operation's constant attributes: the same value may arrive as a tensor, a list or a scalar."""

from __future__ import annotations

import torch

from edgekit.mil.call import Call, Value


def integers(call: Call, name: str, default: list[int]) -> list[int]:
    """A vector attribute (`strides`, `pad`) as Python integers; `default` when it is absent."""
    value = call.get(name)
    return default if value is None else to_integers(value)


def to_integers(value: Value) -> list[int]:
    """A scalar, sequence or tensor of integers, flattened."""
    if isinstance(value, torch.Tensor):
        return [int(item) for item in value.reshape(-1).tolist()]
    if isinstance(value, list | tuple):
        return [int(item) for item in value]
    return [int(value)]


def integer(call: Call, name: str, default: int) -> int:
    """A scalar integer attribute."""
    value = call.get(name)
    return default if value is None else to_integers(value)[0]


def number(call: Call, name: str, default: float) -> float:
    """A scalar float attribute."""
    value = call.get(name)
    if isinstance(value, torch.Tensor):
        return float(value.reshape(-1)[0])
    return default if value is None else float(value)


def flag(call: Call, name: str, default: bool = False) -> bool:
    """A scalar boolean attribute."""
    value = call.get(name)
    return default if value is None else bool(value)


def text(call: Call, name: str, default: str) -> str:
    """A string attribute, as the program wrote it."""
    value = call.get(name)
    return default if value is None else str(value)
