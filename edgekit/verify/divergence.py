"""The first operation of a Core ML package whose output departs from its reference.

Two references: the same program unrounded, which shows where half precision loses too much, and the PyTorch
module's own tensors, which show where the conversion or the compression of the weights is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgekit.types import Divergence, OperationSource, TracedTensor, Trail, TrailPoint
from edgekit.verify.distance import departure, range_of
from edgekit.verify.hints import hints
from edgekit.verify.matching import Matcher
from edgekit.verify.observe import Seen, observe

# As `departure` measures it. Right packages (MiniLM of 3 layers, MPNet of 12, on texts) stay below 0.003 for
# rounding; against PyTorch they are equal in fp32, below 0.002 with fp16 weights, below 0.06 with int8 ones
# and below 0.45 with 4-bit ones.
ROUNDING = 0.05
REFERENCE = {"fp32": 1e-3, "fp16": 0.05, "compressed": 0.3}
FEW_BITS = 0.6  # in place of the last, when some weights have fewer than 8 bits
MOST = 0.5  # share of an error that must stand already before an operation to be laid at its inputs' door
HEALED = 0.1  # share of a departure below which what is computed from it counts as right again


def follow(
    model: Any,
    inputs: Mapping[str, Any],
    *,
    name: str,
    sources: Mapping[str, OperationSource],
    traced: Sequence[TracedTensor] = (),
    notes: Sequence[str] = (),
) -> Trail:
    """Executes a package with and without rounding, and compares it operation by operation.

    Args:
        model: from `edgekit.mil.load`.
        inputs: of one prediction.
        name: the package's.
        sources: output name → where it came from; empty when nothing was recorded.
        traced: the PyTorch module's tensors for the same inputs; empty: rounding alone is judged.
    """
    matcher = Matcher(sources, traced)
    plain: dict[tuple[str, int], Any] = {}
    points: dict[tuple[str, int], TrailPoint] = {}
    order: dict[tuple[str, int], Seen] = {}

    def unrounded(seen: Seen) -> None:
        plain[seen.key] = seen.value.clone()
        match = matcher.find(seen.key[0], seen.value)
        points[seen.key] = TrailPoint(
            position=seen.position,
            operation=str(seen.op.op_type),
            name=seen.key[0],
            module=matcher.module(seen.key[0]),
            line=matcher.line(seen.key[0]),
            rounding_error=None,
            reference_error=_error(seen.value, match, alone=not traced),
        )
        order[seen.key] = replace(seen, inputs={}, value=None)

    def rounded(seen: Seen) -> None:
        other = plain.get(seen.key)
        if other is not None and other.shape == seen.value.shape:
            error = departure(seen.value, other)
            points[seen.key] = replace(points[seen.key], rounding_error=error)

    total = observe(model, inputs, unrounded, rounding="none")
    observe(model, inputs, rounded, rounding="declared")
    tolerance = FEW_BITS if _has_few_bits(model) else REFERENCE[kind_of(model)]
    _drop_mismatched(points, tolerance, order)
    wrong = _first(points, "reference_error", tolerance, order)
    lost = _first(points, "rounding_error", ROUNDING, order)
    found = []
    departed = "conversion" if traced else "not a number"
    for cause, key, limit in ((departed, wrong, tolerance), ("precision", lost, ROUNDING)):
        if key is not None:
            match = matcher.find(key[0], plain[key])
            expected = match.value if cause == "conversion" and match else plain[key]
            found.append(_describe(model, inputs, points[key], key, total, cause, limit, expected, match))
    return Trail(
        package=name,
        points=tuple(points.values()),
        compared=sum(p.reference_error is not None for p in points.values()),
        rounding_tolerance=ROUNDING,
        reference_tolerance=tolerance,
        divergences=tuple(found),
        notes=(*notes, *matcher.notes(points)),
    )


def _error(value: Any, match: TracedTensor | None, *, alone: bool) -> float | None:
    if match is not None:
        return departure(value, match.value)
    # Without any module to compare with, a NaN that needed no rounding is wrong all the same.
    return math.inf if alone and bool(value.isnan().any()) else None


def kind_of(model: Any) -> str:
    """How a package stores its weights: "fp32", "fp16" or "compressed"."""
    operations = list(model.program.operations)
    if any(op.op_type.startswith("constexpr_") for op in operations):
        return "compressed"
    half = any(var.is_tensor_or_scalar_of(dtype="fp16") for op in operations for var in op.outputs)
    return "fp16" if half else "fp32"


def _has_few_bits(model: Any) -> bool:
    for op in model.program.operations:
        data = op.inputs.get("data") if op.op_type.endswith("blockwise_shift_scale") else None
        short = data is not None and any(data.is_tensor_or_scalar_of(dtype=d) for d in ("int4", "uint4"))
        if short or op.op_type.startswith(("constexpr_lut", "constexpr_sparse")):
            return True
    return False


def _first(
    points: Mapping[tuple[str, int], TrailPoint],
    field: str,
    tolerance: float,
    order: Mapping[tuple[str, int], Seen],
) -> tuple[str, int] | None:
    """Where the first departure beyond tolerance starts.

    From the first output beyond it, the way leads back to where most of its error already stood: another
    tensor's larger scale may have hidden it until then.
    """
    errors = _errors(points, field)
    for key, error in errors.items():
        if error <= tolerance or _healed(key, errors, order, tolerance):
            continue
        while before := [k for k in _nearest(key, errors, order, after=False) if errors[k] >= MOST * error]:
            key = before[0]
        return key
    return None


def _errors(points: Mapping[tuple[str, int], TrailPoint], field: str) -> dict[tuple[str, int], float]:
    return {key: error for key, point in points.items() if (error := getattr(point, field)) is not None}


def _healed(
    key: tuple[str, int],
    errors: Mapping[tuple[str, int], float],
    order: Mapping[tuple[str, int], Seen],
    tolerance: float,
) -> bool:
    """Whether all that is computed from an output is right again."""
    after = [errors[k] for k in _nearest(key, errors, order, after=True)]
    return bool(after) and max(after) < min(HEALED * errors[key], tolerance)


def _drop_mismatched(
    points: dict[tuple[str, int], TrailPoint], tolerance: float, order: Mapping[tuple[str, int], Seen]
) -> None:
    """Forgets the comparison of an output with another tensor of its name: what follows it is right."""
    errors = _errors(points, "reference_error")
    for key, error in errors.items():
        if error > tolerance and _healed(key, errors, order, tolerance):
            points[key] = replace(points[key], reference_error=None)


def _nearest(
    key: tuple[str, int],
    errors: Mapping[tuple[str, int], float],
    order: Mapping[tuple[str, int], Seen],
    *,
    after: bool,
) -> list[tuple[str, int]]:
    """The compared outputs next to one, along the way of the data, over those that weren't compared."""
    known = {name: (name, time) for name, time in errors}
    waiting, passed, found = [order[key].op], set(), []
    while waiting:
        op = waiting.pop()
        near = [c for v in op.outputs for c in v.child_ops] if after else _producers(op)
        for other in near:
            if id(other) in passed:
                continue
            passed.add(id(other))
            compared = [known[var.name] for var in other.outputs if var.name in known]
            found += compared
            if not compared:
                waiting.append(other)
    return found


def _producers(op: Any) -> list[Any]:
    given = [
        v for source in op.inputs.values() for v in (source if isinstance(source, list | tuple) else [source])
    ]
    return [var.op for var in given if var.op is not None]


def _describe(
    model: Any,
    inputs: Mapping[str, Any],
    point: TrailPoint,
    key: tuple[str, int],
    total: int,
    cause: str,
    tolerance: float,
    expected: Any,
    match: TracedTensor | None,
) -> Divergence:
    """Runs once more to look at the operation itself, as it went wrong."""
    caught: list[Seen] = []

    def look(seen: Seen) -> None:
        if seen.key == key:
            caught.append(seen)

    precision = cause == "precision"
    observe(model, inputs, look, rounding="declared" if precision else "none")
    seen = caught[0]
    error = point.rounding_error if precision else point.reference_error
    return Divergence(
        cause=cause,
        operation=point.operation,
        name=point.name,
        position=point.position,
        total=total,
        error=error if error is not None and math.isfinite(error) else None,
        tolerance=tolerance,
        module=point.module,
        line=point.line,
        inputs=tuple(range_of(name, value) for name, value in _tensors(seen.inputs)),
        output=range_of(point.name, seen.value),
        expected=range_of(match.name if match and cause == "conversion" else "unrounded", expected),
        hints=hints(seen, expected, cause=cause, traced=match) or _added_up(model, cause),
    )


def _added_up(model: Any, cause: str) -> tuple[str, ...]:
    if cause == "precision" or kind_of(model) != "compressed":
        return ()
    return ("no weight of this operation is far off by itself: errors of compressed weights add up here",)


def _tensors(inputs: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    import torch

    for name, value in inputs.items():
        for number, entry in enumerate(value if isinstance(value, tuple | list) else (value,)):
            if isinstance(entry, torch.Tensor) and (entry.ndim or entry.dtype.is_floating_point):
                yield (f"{name}[{number}]" if isinstance(value, tuple | list) else name), entry
            elif isinstance(entry, float):
                yield name, entry
