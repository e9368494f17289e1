"""The precisions of weights, a table for Core ML and one for ONNX: what is stored, what reads it, its gates.

A joint form names its steps in order: `sparse50-palette6` first sets half of the weights to zero and then
stores the others as 6-bit indices; `palette4-int8` stores its look-up table in int8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Floating = Literal["fp32", "fp16"]
Compressed = Literal[
    "int8",
    "int8-static",
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
    "int8-smooth",
    "int8-table4",
    "int8-static-table4",
    "int8-weights",
    "int4-hqq",
    "int4-gptq",
]
Precision = Literal[Floating, Compressed]
System = Literal["iOS16", "iOS17", "iOS18"]
TargetName = Literal["onnx", "onnxruntime", "coreml", "coreai"]


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to store weights in fewer bits, for Core ML."""

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
        Scheme("int8-static", "int8, activations in ranges that training learned", 8, 8, "iOS17", 1.0, 0.90),
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


@dataclass(frozen=True, slots=True)
class OnnxScheme:
    """One way to store weights in fewer bits, for ONNX Runtime."""

    name: Compressed
    stores: str  # in words
    matrix: str  # scheme of each matrix, as `export.onnx_schemes` carries it out
    table: str  # of the word table
    bits: int  # of one stored value of a matrix
    bits_per_weight: float  # on disk, of a matrix, a block's scale and zero point included
    portable: bool  # standard operators suffice; else target onnxruntime alone has it
    metric_drop: float  # gate: points of the task metric that it may lose
    cosine: float  # gate: smallest mean cosine of the outputs
    calibrated: bool = False  # whether it looks at calibration rows
    in_mixed: bool = False  # whether `mixed` chooses among it


# The gates are Core ML's where the bits are the same. Rounded activations come on top of int8 weights, so the
# cosine of no int8 form may be asked for more.
ONNX_SCHEMES: dict[str, OnnxScheme] = {
    scheme.name: scheme
    for scheme in (
        OnnxScheme("int8", "int8 a channel, activations as they come", "int8", "int8",
                   8, 8, True, 1.0, 0.90, in_mixed=True),
        OnnxScheme("int8-static", "int8 a channel, activations in calibrated ranges", "int8-static", "int8",
                   8, 8, True, 1.0, 0.90, calibrated=True),
        OnnxScheme("int8-smooth", "int8, outliers moved into the weights", "int8-smooth", "int8",
                   8, 8, True, 1.0, 0.90, calibrated=True),
        OnnxScheme("int8-table4", "int8 matrices, the word table in 4 bits", "int8", "int4",
                   8, 8, False, 1.0, 0.90),
        OnnxScheme("int8-static-table4", "int8-static, the word table in 4 bits", "int8-static", "int4",
                   8, 8, False, 1.0, 0.90, calibrated=True),
        OnnxScheme("int8-weights", "8 bits a weight, a scale a block", "int8-weights", "int8-weights",
                   8, 9.25, False, 1.0, 0.95),
        OnnxScheme("int4", "4 bits a weight, a scale a block", "int4", "int4",
                   4, 5.125, False, 2.0, 0.90, in_mixed=True),
        OnnxScheme("int4-hqq", "4 bits a weight, scales fitted to the weights", "int4-hqq", "int4-hqq",
                   4, 5.125, False, 2.0, 0.90),
        OnnxScheme("int4-gptq", "4 bits a weight, errors made up for by later weights", "int4-gptq", "int4",
                   4, 5.125, False, 2.0, 0.90, calibrated=True),
        OnnxScheme("mixed", "for each weight what pays, by measured sensitivity", "", "",
                   4, 5.125, True, 1.0, 0.95),
    )
}  # fmt: skip
COMPRESSED = (*SCHEMES, *[name for name in ONNX_SCHEMES if name not in SCHEMES])


def precisions_of(target: str) -> tuple[str, ...]:
    """The precisions that a target has, its plain one first."""
    if target == "coreml":
        return ("fp16", "fp32", *SCHEMES)
    if (
        target == "coreai"
    ):  # no fp16: off a Mac its runtime needs a hundred times as long, so nobody could check
        return ("fp32", "int8", "int4")
    portable = target == "onnx"
    return ("fp32", "fp16", *[s.name for s in ONNX_SCHEMES.values() if s.portable or not portable])


def foreign(precision: str, target: str) -> str | None:
    """Why a target does not have a precision, or None."""
    known = precisions_of(target)
    if precision in known:
        return None
    if target == "onnx" and precision in ONNX_SCHEMES:
        return f"{precision} needs ONNX Runtime's operators; use target onnxruntime"
    homes = [name for name in get_args(TargetName) if precision in precisions_of(name)]
    return f"{precision} is for {' and '.join(homes)}; {target} takes {', '.join(known)}"


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


def onnx_mixable(target: str) -> tuple[str, ...]:
    """The precisions that `mixed` may choose among for an ONNX target."""
    return tuple(s.name for s in ONNX_SCHEMES.values() if s.in_mixed and foreign(s.name, target) is None)


def mixable(minimum: str) -> tuple[str, ...]:
    """The precisions that `mixed` may choose among for a deployment target."""
    return tuple(s.name for s in SCHEMES.values() if s.in_mixed and too_old(s.name, minimum) is None)


def _year(system: str) -> int:
    return int(system.removeprefix("iOS"))
