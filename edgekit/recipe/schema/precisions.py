"""The precisions of weights, in one table: what is stored, the oldest system that reads it, and its gates.

A joint form names its steps in order: `sparse50-palette6` first sets half of the weights to zero and then
stores the others as 6-bit indices; `palette4-int8` stores its look-up table in int8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Floating = Literal["fp32", "fp16"]
Compressed = Literal[
    "int8",
    "int4",
    "palette8",
    "palette6",
    "palette4",
    "palette6-grouped",
    "palette4-grouped",
    "palette4-int8",
    "sparse30",
    "sparse50",
    "sparse50-int8",
    "sparse50-palette6",
    "mixed",
]
Precision = Literal[Floating, Compressed]
System = Literal["iOS16", "iOS17", "iOS18"]


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to store weights in fewer bits."""

    name: Compressed
    stores: str  # in words
    bits: int  # of one stored value
    bits_per_weight: float  # on disk, a sparse form's mask and a block's scale included
    minimum: System  # the oldest deployment target whose format has it
    metric_drop: float  # gate: points of the task metric that it may lose
    cosine: float  # gate: smallest mean cosine of the outputs
    in_mixed: bool = False  # whether `mixed` chooses among it


# Two gates for each. Points lost: what 8 and 6 bits lose is within the noise of a test set of a thousand rows
# (1 point), so more than that is a fault; 4 bits and pruning without training do cost, and are asked for
# knowingly (2 points). Mean cosine: a classifier that answers at random has about 0.7 to 0.85 to a confident
# one, so every gate stands above that, and at 0.95 where the format leaves nothing to excuse. int8's are
# recipe keys of their own, as old as int8.
SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("int8", "linear, a scale per channel", 8, 8, "iOS16", 1.0, 0.90, True),
        Scheme("int4", "linear, a scale per block", 4, 4.5, "iOS18", 2.0, 0.90, True),
        Scheme("palette8", "k-means, a table per tensor", 8, 8, "iOS16", 1.0, 0.95),
        Scheme("palette6", "k-means, a table per tensor", 6, 6, "iOS16", 1.0, 0.95, True),
        Scheme("palette4", "k-means, a table per tensor", 4, 4, "iOS16", 2.0, 0.90, True),
        Scheme("palette6-grouped", "k-means, a table per group of channels", 6, 6, "iOS18", 1.0, 0.95),
        Scheme("palette4-grouped", "k-means, a table per group of channels", 4, 4, "iOS18", 2.0, 0.90, True),
        Scheme("palette4-int8", "k-means, a table in int8 per tensor", 4, 4, "iOS18", 2.0, 0.90),
        Scheme("sparse30", "the smallest 30 % are zero", 16, 12.2, "iOS16", 2.0, 0.90),
        Scheme("sparse50", "the smallest 50 % are zero", 16, 9, "iOS16", 2.0, 0.90),
        Scheme("sparse50-int8", "the smallest 50 % zero, the others int8", 8, 5, "iOS18", 2.0, 0.90),
        Scheme("sparse50-palette6", "the smallest 50 % zero, the others k-means", 6, 4, "iOS18", 2.0, 0.90),
        Scheme("mixed", "for each weight what pays, by measured sensitivity", 4, 4, "iOS16", 1.0, 0.95),
    )
}  # fmt: skip
ONNX_PRECISIONS = ("fp32", "int8")


def too_old(precision: str, minimum: str) -> str | None:
    """Why a package for this deployment target can't store this precision, or None."""
    scheme = SCHEMES.get(precision)
    if scheme is None or _year(scheme.minimum) <= _year(minimum):
        return None
    instead = [s.name for s in SCHEMES.values() if _year(s.minimum) <= _year(minimum)]
    return (
        f"{precision} needs minimum_deployment_target {scheme.minimum}, and it is {minimum}; "
        f"raise it, or use one of {', '.join(instead)}"
    )


def mixable(minimum: str) -> tuple[str, ...]:
    """The precisions that `mixed` may choose among for a deployment target."""
    return tuple(s.name for s in SCHEMES.values() if s.in_mixed and too_old(s.name, minimum) is None)


def _year(system: str) -> int:
    return int(system.removeprefix("iOS"))
