"""The second pass that tells lost precision from a wrong conversion: the same package, nothing rounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.types import Unrounded
from edgekit.verify.outputs import run_row
from edgekit.verify.tally import Tally

if TYPE_CHECKING:
    from edgekit.runtimes.runner import Runner
    from edgekit.types import Parity, Rows

ROWS = 200  # of the rounded pass, evenly spaced: the second pass need not double the time
SMALL = 2e-3  # largest difference that needs no explanation
SMALL_AT = 0.9999  # mean cosine from which a difference ten times that is small, too
LESS = 3.0  # times smaller that an error must be unrounded for rounding to be its cause


def compare_unrounded(
    candidate: Runner,
    reference: Runner,
    *,
    rows: Rows,
    labels: Sequence[Any],
    pad_id: int,
    reference_outputs: Any = None,
    name: str = "",
) -> Unrounded:
    """Runs a package that rounds nothing over a sample of the rows; arguments as in `parity.compare`."""
    signature = reference.signature
    tally = Tally(signature.task, candidate.signature.outputs[0].name, signature.labels)
    chosen = sample(len(rows))
    with progress.bar(f"Verifying {name}, unrounded", len(chosen), "rows") as bar:
        for i in chosen:
            tally.add(
                run_row(candidate, rows[i], pad_id=pad_id),
                run_row(reference, rows[i], pad_id=pad_id)
                if reference_outputs is None
                else reference_outputs[i],
                labels[i] if len(labels) else None,
            )
            bar.advance()
    scores = tally.scores()
    return Unrounded(
        samples=len(chosen),
        max_abs_error=tally.error,
        cosine=tally.cosine,
        label_agreement=tally.agreement,
        metric=scores[0] if scores else None,
        metric_drop=100 * (scores[1] - scores[0]) if scores else None,
    )


def sample(count: int) -> list[int]:
    """Up to `ROWS` indices below `count`, evenly spaced."""
    return [i * count // min(count, ROWS) for i in range(min(count, ROWS))]


def meaning(parity: Parity, precision: str) -> str:
    """What the errors with and without rounding say together, in one sentence."""
    other = parity.unrounded
    if other is None or parity.max_abs_error is None:
        return ""
    if not math.isfinite(other.max_abs_error):
        return "It isn't finite even when nothing is rounded: the conversion is wrong."
    if not math.isfinite(parity.max_abs_error):
        return "It is finite when nothing is rounded: half precision overflows, the conversion is right."
    if _small(parity.max_abs_error, parity.cosine) and _small(other.max_abs_error, other.cosine):
        return "The error is small with and without rounding: conversion and precision are both fine."
    if other.max_abs_error * LESS <= parity.max_abs_error and _small(other.max_abs_error, other.cosine):
        return (
            f"Without rounding the error is {parity.max_abs_error / max(other.max_abs_error, 1e-12):.0f} "
            "times smaller: precision is lost by rounding to half precision, and the conversion is right."
        )
    if precision in ("fp32", "fp16"):
        return "The error stays when nothing is rounded: the conversion is wrong, not its precision."
    return (
        "The error stays when nothing is rounded: it comes from the compressed weights, or from the "
        "conversion, and not from half precision."
    )


def _small(error: float, cosine: float | None) -> bool:
    return error <= SMALL or (cosine is not None and cosine >= SMALL_AT and error <= 10 * SMALL)
