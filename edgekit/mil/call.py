"""What a kernel sees of one operation: its evaluated inputs, its declared outputs and its surroundings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from edgekit.errors import ModelError

Value: TypeAlias = Any  # torch.Tensor | int | float | bool | str | tuple or list of those (a MIL list) | None

RunBlock: TypeAlias = Callable[[Any, "Mapping[str, Value] | Sequence[Value]"], tuple[Value, ...]]


@dataclass(slots=True)
class Call:
    """One execution of one operation.

    Float tensors arrive as float32, whatever the program declares: the executor widens half precision before
    the kernel runs and rounds what it returns to the declared type. Other tensors arrive as declared, 4-bit
    types as their unpacked 8-bit values, and 16-bit unsigned ones as int32 (torch has few uint16 kernels).
    """

    op: Any  # the pymil Operation
    inputs: dict[str, Value]  # every named parameter, evaluated; a variadic one is a tuple
    outputs: tuple[Any, ...]  # pymil Vars: .name, .dtype, .shape
    run_block: RunBlock  # runs a nested block with its inputs in order (or by name), returns its outputs
    states: MutableMapping[str, torch.Tensor]  # state name → its current tensor; a write replaces it
    rng: torch.Generator  # seeded by the caller of `predict`, or at random

    def __getitem__(self, name: str) -> Value:
        """The input's value; None when the operation was written without it."""
        return self.inputs.get(name)

    def get(self, name: str, default: Value = None) -> Value:
        """The input's value, or `default` when the operation was written without it."""
        value = self.inputs.get(name)
        return default if value is None else value

    @property
    def type(self) -> str:
        """The operation's type: `conv`."""
        return str(self.op.op_type)

    @property
    def name(self) -> str:
        """The operation's name in the program."""
        return str(self.op.name)

    def unsupported(self, what: str) -> ModelError:
        """The error for an attribute that this evaluator doesn't execute: `raise call.unsupported("…")`."""
        return ModelError(
            f"Operation {self.name!r} of type {self.type!r} uses {what}, which can't be executed here.",
            remedy="Run the package on a Mac, or write the model without it.",
        )


Kernel: TypeAlias = Callable[[Call], Value]  # one value, or a tuple with one per output
