"""Runs a package and looks at every operation's output on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Seen:
    """One output tensor of one executed operation."""

    key: tuple[str, int]  # the output's name, and which time it was made (loops make it again)
    position: int  # of the operation, from 1, in the order of execution
    op: Any  # the pymil Operation
    inputs: Mapping[str, Any]
    value: Any  # torch.Tensor


def observe(model: Any, inputs: Mapping[str, Any], look: Callable[[Seen], None], *, rounding: str) -> int:
    """One prediction of an `edgekit.mil` model; `look` is called for every tensor.

    Returns:
        How many operations were executed.
    """
    import torch

    times: Counter[str] = Counter()
    position = 0

    def observer(op: Any, given: Mapping[str, Any], outputs: tuple[Any, ...]) -> None:
        nonlocal position
        position += 1
        for var, value in zip(op.outputs, outputs, strict=True):
            if isinstance(value, torch.Tensor):
                times[var.name] += 1
                look(Seen((var.name, times[var.name]), position, op, given, value))

    state = model.make_state() if model.description.states else None
    model.predict(inputs, state, rounding, seed=0, observer=observer)
    return position
