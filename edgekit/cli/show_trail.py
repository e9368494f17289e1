"""What `edgekit verify --explain` prints: the first divergence, the way to it, and a line of the error."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli import console

if TYPE_CHECKING:
    from edgekit.types import Divergence, TensorRange, Trail, TrailPoint

EVENLY = 16  # operations shown besides the worst
WORST = 6
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 72
_LOWEST = -7  # power of ten that the lowest bar stands for


def trail_lines(trail: Trail, picture: Path) -> None:
    """The whole trail for people."""
    console.say()
    total = trail.points[-1].position if trail.points else 0
    console.say(
        f"{total} operations, {trail.compared} compared with tensors of the PyTorch module. Errors are on "
        f"each tensor's own scale; tolerance {trail.rounding_tolerance:g} for rounding, "
        f"{trail.reference_tolerance:g} against PyTorch."
    )
    for note in trail.notes:
        console.say(note)
    for divergence in trail.divergences:
        _divergence(divergence)
    if not trail.divergences:
        console.say("No operation departs beyond tolerance.")
    console.say()
    rows = [
        (
            str(p.position),
            p.operation,
            p.name,
            p.module or "–",
            p.line or "–",
            _error(p.rounding_error),
            _error(p.reference_error),
        )
        for p in _shown(trail)
    ]
    headers = ("#", "Operation", "Output", "Module", "Line", "By rounding", "Against PyTorch")
    console.table(headers, rows, right=(0, 5, 6))
    console.say()
    for title, errors in (
        ("by rounding    ", [p.rounding_error for p in trail.points]),
        ("against PyTorch", [p.reference_error for p in trail.points]),
    ):
        known = [e for e in errors if e is not None]
        if known:
            console.say(f"{title} {sparkline(known)}")
    console.say(f"Picture: {picture}")


def sparkline(errors: list[float]) -> str:
    """One character for each stretch of operations, its worst error on a logarithmic scale of 1e−7 to 1; `!`
    where it is not finite."""
    width = min(_WIDTH, len(errors))
    stretches = [errors[i * len(errors) // width : (i + 1) * len(errors) // width] for i in range(width)]
    return "".join(_bar(max(stretch)) for stretch in stretches)


def _bar(error: float) -> str:
    if not math.isfinite(error):
        return "!"
    power = math.log10(error) if error > 0 else _LOWEST
    step = (power - _LOWEST) / -_LOWEST * (len(_BARS) - 1)
    return _BARS[max(0, min(len(_BARS) - 1, round(step)))]


def _divergence(found: Divergence) -> None:
    console.say()
    console.say(f"{found.text[:1].upper()}{found.text[1:]}.")
    for hint in found.hints[1:]:
        console.say(f"  or {hint}.")
    for title, ranges in (
        ("input", found.inputs),
        ("output", (found.output,)),
        ("expected", (found.expected,)),
    ):
        for one in ranges:
            console.say(f"  {title:8} {_range(one)}")


def _range(one: TensorRange) -> str:
    held = "nothing finite" if one.low is None or one.high is None else f"{one.low:.4g} to {one.high:.4g}"
    also = [word for word, there in (("inf", one.has_inf), ("NaN", one.has_nan)) if there]
    return f"{one.name} {list(one.shape)}: {held}{', and ' + ' and '.join(also) if also else ''}"


def _shown(trail: Trail) -> list[TrailPoint]:
    """Every k-th operation, the worst ones, and those where something departs."""
    points = trail.points
    every = max(1, len(points) // EVENLY)
    worst = sorted(points, key=lambda p: -max(p.rounding_error or 0.0, p.reference_error or 0.0))[:WORST]
    departed = {d.name for d in trail.divergences}
    chosen = [p for i, p in enumerate(points) if i % every == 0 or i == len(points) - 1 or p.name in departed]
    return sorted({(p.position, p.name): p for p in [*chosen, *worst]}.values(), key=lambda p: p.position)


def _error(error: float | None) -> str:
    if error is None:
        return "–"
    return f"{error:.1e}" if math.isfinite(error) else "not finite"
