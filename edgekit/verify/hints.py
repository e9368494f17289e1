"""Known causes of a departure, each recognised by the tensors of the operation where it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgekit.types import TracedTensor
from edgekit.verify.distance import LOWEST, departure
from edgekit.verify.observe import Seen

LARGEST_HALF = 65504.0
SMALLEST_HALF = 5.97e-8  # the smallest positive half-precision number, rounded up
DIVIDING = ("real_div", "floor_div", "inverse", "rsqrt", "log", "pow", "softmax", "l2_norm")
WEIGHT_DIFFERS = 0.01  # of a plain weight; half precision alone stays below 0.001
COMPRESSED_DIFFERS = 0.25  # of a compressed one; 4 bits done right stay below
STEADY = 0.01  # spread of a ratio that counts as constant


def hints(seen: Seen, expected: Any, *, cause: str, traced: TracedTensor | None) -> tuple[str, ...]:
    """What is known to look like this, most likely first.

    Args:
        seen: the operation as it went wrong.
        expected: the reference's tensor of the same place and shape.
        cause: "precision" or "conversion"; see `Divergence`.
        traced: the PyTorch module's tensor, when there is one.
    """
    return tuple(
        text
        for text in (
            _folded(seen) if cause == "conversion" else None,
            *(_weights(seen, traced) if cause == "conversion" and traced else ()),
            _mask(seen),
            _overflow(seen, expected),
            _epsilon(seen, traced),
            _underflow(seen, expected),
            _scale(seen, expected) if cause == "conversion" else None,
            _not_a_number(seen),
        )
        if text
    )


def _overflow(seen: Seen, expected: Any) -> str | None:
    wanted = expected.float()
    reached = float(wanted[wanted.isfinite()].abs().max()) if wanted.isfinite().any() else 0.0
    if reached <= LARGEST_HALF or bool(seen.value.isfinite().all()):
        return None
    return (
        f"half precision overflows: the result reaches {reached:.3g}, and half precision ends at 65504. "
        "Scale down before squaring or summing; write an RMSNorm as LayerNorm over cat[x, −x]"
    )


def _mask(seen: Seen) -> str | None:
    if bool(seen.value.isfinite().all()):
        return None
    for name, value in _floats(seen.inputs):
        if bool((value <= LOWEST).any()):
            return (
                f"a mask of −inf: {name} holds it (float32's minimum becomes −inf in half precision), and "
                "0 · −inf or a softmax over nothing else is not a number. Mask with −3e4"
            )
    return None


def _epsilon(seen: Seen, traced: TracedTensor | None) -> str | None:
    tiny = sorted(abs(c) for c in (traced.scalars if traced else ()) if 0 < abs(c) < SMALLEST_HALF)
    held = [
        (name, float(value))
        for name, value in _floats(seen.inputs)
        if value.ndim == 0 and 0 <= float(value) <= SMALLEST_HALF
    ]
    if tiny and held:
        return (
            f"an epsilon underflows: the module has {tiny[0]:.3g}, the package holds {held[0][1]:.3g} as "
            f"{held[0][0]}; half precision's smallest number is 6e-8. Use 1e-3"
        )
    zero = [n for n, v in _floats(seen.inputs) if v.ndim and bool((v == 0).any())]
    if seen.op.op_type in DIVIDING and zero and not bool(seen.value.isfinite().all()):
        was = f" (the module has {tiny[0]:.3g})" if tiny else ""
        return f"a division by zero: {zero[-1]} holds zeros; an epsilon has underflowed{was}. Use 1e-3"
    return None


def _underflow(seen: Seen, expected: Any) -> str | None:
    wanted = expected.float()
    lost = (seen.value == 0) & (wanted != 0)
    if not bool(lost.any()) or float(lost.float().mean()) < 0.01:
        return None
    largest = float(wanted[lost].abs().max())
    if largest > SMALLEST_HALF:
        return None
    return (
        f"half precision underflows: results up to {largest:.3g} become 0, so an epsilon beside them is all "
        "that is left. Scale up before squaring, or use an epsilon of 1e-3"
    )


def _folded(seen: Seen) -> str | None:
    for name, var in _variables(seen.op):
        op = var.op
        if op is None or not op.op_type.startswith("constexpr_") or len(var.shape) < 3:
            continue
        scale = op.inputs.get("scale")
        if scale is None or scale.val is None or getattr(scale.val, "size", 1) > 1:
            continue
        return (
            f"a folded constant was quantized with one scale: {name} is a table of shape "
            f"{list(var.shape)} that the converter made of several. Leave it out of the compression"
        )
    return None


def _weights(seen: Seen, traced: TracedTensor) -> Iterator[str]:
    for label, wanted in traced.weights.items():
        for name, var in _variables(seen.op):
            got = seen.inputs.get(name)
            if not _comparable(var, got, wanted):
                continue
            packed = var.op.op_type.startswith("constexpr_")
            error = departure(got, wanted)
            if error <= (COMPRESSED_DIFFERS if packed else WEIGHT_DIFFERS):
                continue
            ratio = _steady_ratio(got, wanted)
            if ratio is not None:
                yield f"a wrong scale: {name} is {ratio:.3g} times {label}"
            else:
                how = "compressed" if packed else "stored"
                yield f"the weights differ: {name} as {how} is {error:.0%} (RMS) from {label}"


def _comparable(var: Any, got: Any, wanted: Any) -> bool:
    return (
        var.op is not None
        and (var.op.op_type == "const" or var.op.op_type.startswith("constexpr_"))
        and getattr(got, "shape", None) == wanted.shape
        and wanted.ndim > 0
    )


def _scale(seen: Seen, expected: Any) -> str | None:
    ratio = _steady_ratio(seen.value, expected)
    return None if ratio is None else f"a wrong scale: the result is {ratio:.3g} times what it should be"


def _steady_ratio(got: Any, wanted: Any) -> float | None:
    """got / wanted where that is nearly one number, and not 1."""
    a, b = got.float().flatten(), wanted.float().flatten()
    large = (b.abs() > 0.1 * b.abs().max()) & a.isfinite() & b.isfinite()
    if int(large.sum()) < 2:
        return None
    ratio = a[large] / b[large]
    middle = float(ratio.median())
    steady = float((ratio - middle).abs().max()) <= STEADY * abs(middle)
    return middle if steady and abs(middle - 1) > 2 * STEADY else None


def _not_a_number(seen: Seen) -> str | None:
    if not bool(seen.value.isnan().any()):
        return None
    broken = [n for n, v in _floats(seen.inputs) if not bool(v.isfinite().all())]
    if broken:
        return f"not a number: {broken[0]} already holds values that aren't finite"
    return "not a number, of inputs that are all finite"


def _variables(op: Any) -> Iterator[tuple[str, Any]]:
    for name, var in op.inputs.items():
        if not isinstance(var, list | tuple):
            yield name, var


def _floats(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    import torch

    for name, value in inputs.items():
        if isinstance(value, float) or (isinstance(value, torch.Tensor) and value.is_floating_point()):
            yield name, torch.as_tensor(value)
