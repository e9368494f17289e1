"""Rounding in training (Jacob et al., 2018): the student learns to answer from int8 weights and activations.

What is rounded, and how finely, is the precision plan that export carries out, so that training sees the
file's own arithmetic. A matrix has a scale per row, −127…127; a table with one scale, and activations, lie
in 0…255 around a zero point. An activation's range is the batch's own, as in ONNX Runtime's dynamic
quantization, or, for files whose ranges are fixed, one that training learns. Gradients pass straight through
the rounding (Bengio et al., 2013).
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
MOMENTUM = 0.01  # how much of a batch's range goes into the learned one
RANGE = "input_range"  # a layer's buffer `[2]`; not a number until the layer was trained
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


class RoundInRange:
    """A forward pre-hook: the layer's input as uint8 shows it in a range that training learns.

    The range is an exponential mean of the batches' smallest and largest values (Jacob et al., 2018) and
    stands still in evaluation. What lies outside is clipped and gets no gradient.
    """

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        known = getattr(layer, RANGE)
        with torch.no_grad():
            seen = torch.stack(inputs[0].detach().float().aminmax())
            if layer.training:
                moved = torch.where(known.isnan(), seen, known + MOMENTUM * (seen - known))
                known.copy_(torch.where(seen.isfinite().all(), moved, known))
            span = torch.where(known.isnan(), seen, known)
        return round_tensor(inputs[0], range_of=span, clip=True), *inputs[1:]


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


def round_tensor(x: Tensor, *, range_of: Tensor | None = None, clip: bool = False) -> Tensor:
    """`x` as uint8 with one scale and zero point, as ONNX's DynamicQuantizeLinear; straight-through gradient.

    Args:
        range_of: sets the smallest and largest value; None: `x` itself. 0 is always inside.
        clip: whether values outside the range get no gradient.
    """
    with torch.no_grad():
        values = x.float()
        spanned = values if range_of is None else range_of.float()
        low, high = spanned.amin().clamp_max(0), spanned.amax().clamp_min(0)
        scale = ((high - low) / 255).clamp_min(TINY)
        zero = (-low / scale).round()
        rounded = (values.div(scale).round_() + zero).clamp_(0, 255).sub_(zero).mul_(scale).to(x.dtype)
    through = x.clamp(low.to(x.dtype), high.to(x.dtype)) if clip else x
    return through + (rounded - through).detach()


def apply(
    module: nn.Module, plan: Quantized, *, activations: bool = True, learn_ranges: bool = False
) -> None:
    """Rounds, from now on, what `plan` gives 8 bits, in place.

    Args:
        plan: from `quantize.plan.plan_int8` of this very module; its names are the module's.
        activations: also round the inputs of quantized linear layers; False for files that keep them in
            floating point (Core ML's int8).
        learn_ranges: whether their ranges are learned, for files that fix them (int8-static).

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
                if learn_ranges:
                    unknown = torch.full((2,), torch.nan, device=getattr(child, parameter).device)
                    child.register_buffer(RANGE, unknown)
                child.register_forward_pre_hook(RoundInRange() if learn_ranges else RoundInputs())
        done += 1
    if not done:
        raise ModelError(
            f"The precision plan of {plan.model} quantizes nothing.",
            remedy="Set student.quantization_aware to false.",
        )


def remove(module: nn.Module) -> None:
    """Ends the rounding, in place, and leaves the *rounded* weights, and the learned ranges in
    `module.input_ranges`: layer → the smallest and largest value of its input.

    They are what was trained and judged: the float ones behind them were never in use. Quantizing rounded
    weights again changes nothing, so the int8 file holds exactly these, and the fp32 file equals it up to the
    rounding of activations.
    """
    learned = {}
    for name, child in module.named_modules():
        found = child._buffers.pop(RANGE, None)
        if found is not None and not found.isnan().any():
            learned[name] = tuple(found.tolist())
        if parametrize.is_parametrized(child):
            for parameter, steps in list(child.parametrizations.items()):
                if isinstance(steps[0], RoundWeight):
                    parametrize.remove_parametrizations(child, parameter, leave_parametrized=True)
        for hooks in (child._forward_hooks, child._forward_pre_hooks):
            for key, hook in list(hooks.items()):
                if isinstance(hook, RoundRead):
                    assert isinstance(child, nn.Embedding)
                    with torch.no_grad():
                        child.weight.copy_(hook(child, None, child.weight))
                if isinstance(hook, RoundRead | RoundInputs | RoundInRange):
                    del hooks[key]
    module.input_ranges = learned  # type: ignore[assignment]
