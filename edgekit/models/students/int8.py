"""Rounding in training (Jacob et al., 2018): the student learns to answer from int8 weights and activations.

What is rounded, and how finely, is the precision plan that export carries out, so that training sees the
file's own arithmetic. A matrix has a scale per row, −127…127; a table with one scale, and activations as
they come, lie in 0…255 around a zero point: ONNX Runtime's dynamic quantization. Gradients pass straight
through the rounding (Bengio et al., 2013).
"""

from __future__ import annotations

from typing import Any

# The whole file is tensor code, and is itself imported inside functions only.
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from edgekit.errors import ModelError
from edgekit.types import Quantized

LEVELS = 127
TINY = 1e-30  # a scale is never 0


class RoundWeight(nn.Module):
    """A parametrization: a matrix as its int8 copy shows it."""

    def __init__(self, per_row: bool) -> None:
        super().__init__()
        self.per_row = per_row

    def forward(self, weight: Tensor) -> Tensor:
        return round_rows(weight) if self.per_row else round_tensor(weight)


class RoundInputs:
    """A forward pre-hook: the layer's input as uint8 shows it, its range taken from the batch."""

    def __call__(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return round_tensor(inputs[0]), *inputs[1:]


class RoundRead:
    """A forward hook of an embedding: rounds the rows that were read, not the whole table at every step."""

    def __init__(self, per_row: bool) -> None:
        self.per_row = per_row

    def __call__(self, table: Any, _: Any, rows: Tensor) -> Tensor:
        return round_rows(rows) if self.per_row else round_tensor(rows, range_of=table.weight)


def round_rows(weight: Tensor) -> Tensor:
    """`[…, D]` as int8 with a scale for each row, its largest magnitude ÷ 127; straight-through gradient."""
    with torch.no_grad():
        scale = (weight.abs().amax(dim=-1, keepdim=True) / LEVELS).clamp_min(TINY)
        rounded = (weight / scale).round_().clamp_(-LEVELS, LEVELS).mul_(scale)
    return weight + (rounded - weight).detach()


def round_tensor(x: Tensor, *, range_of: Tensor | None = None) -> Tensor:
    """`x` as uint8 with one scale and zero point, as ONNX's DynamicQuantizeLinear; straight-through gradient.

    Args:
        range_of: sets the smallest and largest value; None: `x` itself. 0 is always inside.
    """
    with torch.no_grad():
        values = x.float()
        spanned = values if range_of is None else range_of.float()
        low, high = spanned.amin().clamp_max(0), spanned.amax().clamp_min(0)
        scale = ((high - low) / 255).clamp_min(TINY)
        zero = (-low / scale).round()
        rounded = (values.div(scale).round_() + zero).clamp_(0, 255).sub_(zero).mul_(scale).to(x.dtype)
    return x + (rounded - x).detach()


def apply(module: nn.Module, plan: Quantized, *, activations: bool = True) -> None:
    """Rounds, from now on, what `plan` gives 8 bits, in place.

    Args:
        plan: from `quantize.plan.plan_int8` of this very module; its names are the module's.
        activations: also round the inputs of quantized linear layers; False for targets that keep them in
            floating point (Core ML).

    Raises:
        ModelError: the plan names a weight that the module doesn't have, or is for nothing here.
    """
    done = 0
    for layer in plan.layers:
        if layer.bits != 8:
            continue
        name, _, parameter = layer.name.rpartition(".")
        try:
            child = module.get_submodule(name)
            getattr(child, parameter)
        except AttributeError as error:
            raise ModelError(
                f"The plan of {plan.model} quantizes {layer.name!r}, which this module doesn't have.",
                remedy="Make the plan from the same module.",
            ) from error
        per_row = layer.granularity == "per_channel"
        if type(child) is nn.Embedding:
            child.register_forward_hook(RoundRead(per_row))
        else:
            parametrize.register_parametrization(child, parameter, RoundWeight(per_row))
            if activations and isinstance(child, nn.Linear):
                child.register_forward_pre_hook(RoundInputs())
        done += 1
    if not done:
        raise ModelError(
            f"The precision plan of {plan.model} quantizes nothing.",
            remedy="Set student.quantization_aware to false.",
        )


def remove(module: nn.Module) -> None:
    """Ends the rounding, in place, and leaves the *rounded* weights.

    They are what was trained and judged: the float ones behind them were never in use. Quantizing rounded
    weights again changes nothing, so the int8 file holds exactly these, and the fp32 file equals it up to the
    rounding of activations.
    """
    for child in module.modules():
        if parametrize.is_parametrized(child):
            for parameter, steps in list(child.parametrizations.items()):  # type: ignore[union-attr, operator]
                if isinstance(steps[0], RoundWeight):
                    parametrize.remove_parametrizations(child, parameter, leave_parametrized=True)
        for hooks in (child._forward_hooks, child._forward_pre_hooks):
            for key, hook in list(hooks.items()):
                if isinstance(hook, RoundRead):
                    assert isinstance(child, nn.Embedding)
                    with torch.no_grad():
                        child.weight.copy_(hook(child, None, child.weight))
                if isinstance(hook, RoundRead | RoundInputs):
                    del hooks[key]
