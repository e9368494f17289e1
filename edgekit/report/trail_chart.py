"""How the error of a package grows along its depth, as a picture that stands by itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import MissingExtra
from edgekit.files import atomic

if TYPE_CHECKING:
    from edgekit.types import Trail

FLOOR = 1e-8  # where an error of 0 is drawn
CEILING = 10.0  # where one that is not finite is drawn
_SERIES = (
    ("rounding_error", "by rounding to half precision", "#3b6fb6", "rounding_tolerance"),
    ("reference_error", "unrounded, against PyTorch", "#b5532a", "reference_tolerance"),
)


def draw_trail(trail: Trail, path: Path) -> Trail:
    """Writes an SVG (or what the suffix says) of every operation's error, on a logarithmic scale.

    Returns:
        The trail.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(
            "matplotlib", extra="report", needed_for="Drawing the error along depth"
        ) from error
    style: Any = {
        "svg.hashsalt": "edgekit",
        "font.size": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(9, 4), layout="constrained")
        axes = figure.add_subplot()
        axes.set_yscale("log")
        axes.set_ylim(FLOOR / 2, CEILING * 3)
        for field, title, colour, tolerance in _SERIES:
            found = [(p.position, getattr(p, field)) for p in trail.points if getattr(p, field) is not None]
            if not found:
                continue
            heights = [max(e, FLOOR) if math.isfinite(e) else CEILING for _, e in found]
            axes.plot([x for x, _ in found], heights, color=colour, linewidth=1.5, label=title)
            axes.axhline(getattr(trail, tolerance), color=colour, linewidth=1, linestyle=(0, (3, 3)))
            broken = [x for x, e in found if not math.isfinite(e)]
            axes.plot(broken, [CEILING] * len(broken), "x", color=colour)
        for divergence in trail.divergences:
            axes.axvline(divergence.position, color="#888888", linewidth=1)
            axes.annotate(
                f" {divergence.operation} {divergence.name}",
                (divergence.position, CEILING * 1.5),
                fontsize=9,
                color="#444444",
            )
        axes.set_xlabel("Operation, in the order of execution (× is not finite)")
        axes.set_ylabel("Error, on the tensor's own scale")
        axes.set_title(trail.package, loc="left", fontsize=11, parse_math=False)
        axes.grid(axis="y", color="#e4e4e4")
        axes.set_axisbelow(True)
        axes.legend(frameon=False, loc="lower right")
        kind = path.suffix.lstrip(".") or "svg"
        with atomic(path) as temporary:
            metadata = {"Date": None} if kind == "svg" else None
            figure.savefig(temporary, format=kind, metadata=metadata)
    return trail
