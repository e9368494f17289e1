"""Parity of tensors, labels and task metric between a reference and an exported file that is *run*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit.batches import chosen_rows, pad_rows
from edgekit.recipe.schema import Gates
from edgekit.types import Gate, Parity, ShapeCheck
from edgekit.verify.outputs import as_output, cosine_rows, run_rows

if TYPE_CHECKING:
    import numpy as np

    from edgekit.runtimes.runner import Runner
    from edgekit.types import Artifact, Rows

BATCHES = (1, 3, 8)
LENGTHS = (4, 16, 33, 64, 128)  # 33: no round number, so that a baked-in shape shows


def compare(
    artifact: Artifact,
    candidate: Runner,
    reference: Runner,
    *,
    rows: Rows,
    labels: Sequence[int],
    pad_id: int,
    gates: Gates,
    reference_name: str,
    reference_outputs: np.ndarray | None = None,
) -> Parity:
    """Runs `candidate` over every row at batch 1, and at several batch sizes and lengths with padding.

    Args:
        labels: class ids, one per row; empty when the rows are unlabelled (then no metric is judged).
        reference_outputs: the reference's logits `[N, C]` for the same rows, if they are known already.
    """
    import numpy as np

    if reference_outputs is None:
        reference_outputs = run_rows(reference, rows, pad_id=pad_id, title="Running the reference")
    outputs = run_rows(candidate, rows, pad_id=pad_id, title=f"Verifying {artifact.name}")
    output = candidate.signature.outputs[0].name
    expected = as_output(reference_outputs, output)
    shapes = _shape_checks(candidate, reference, rows, pad_id=pad_id, output=output)
    finite = bool(np.isfinite(outputs).all())
    error = float(np.abs(outputs - expected).max()) if finite else float("inf")
    cosines = cosine_rows(outputs, expected) if finite else np.zeros(1)
    score = drop = None
    if labels:
        truth = np.asarray(labels)
        score = float((outputs.argmax(-1) == truth).mean()) if finite else 0.0
        drop = 100 * (float((expected.argmax(-1) == truth).mean()) - score)
    return Parity(
        artifact=artifact.name,
        reference=reference_name,
        executed=True,
        runtime=candidate.name,
        samples=len(rows),
        max_abs_error=error,
        cosine=float(cosines.mean()),
        label_agreement=float((outputs.argmax(-1) == expected.argmax(-1)).mean()),
        metric_name="accuracy" if labels else None,
        metric=score,
        metric_drop=drop,
        shapes=shapes,
        gates=judge(
            artifact.precision,
            gates,
            worst_error=max([error, *[s.max_abs_error for s in shapes]]),
            mean_cosine=float(cosines.mean()),
            metric_drop=drop,
        ),
        failures=() if finite else ("some outputs are not finite numbers",),
    )


def judge(
    precision: str, gates: Gates, *, worst_error: float, mean_cosine: float, metric_drop: float | None
) -> tuple[Gate, ...]:
    """The gates that apply to a precision, each with what was measured."""
    found = []
    if precision == "fp32":
        limit = gates.max_abs_error_fp32
        found.append(Gate("largest difference", limit, worst_error, worst_error <= limit))
    if precision == "int8":
        found.append(Gate("mean cosine", gates.cosine_int8, mean_cosine, mean_cosine >= gates.cosine_int8))
    if metric_drop is not None:
        limit = gates.metric_drop_int8 if precision == "int8" else gates.metric_drop_float
        # A tiny slack: 0.1 points of 1,000 rows is one row, and 0.1 has no exact binary form.
        found.append(Gate("points of accuracy lost", limit, metric_drop, metric_drop <= limit + 1e-9))
    return tuple(found)


def _shape_checks(
    candidate: Runner, reference: Runner, rows: Rows, *, pad_id: int, output: str
) -> tuple[ShapeCheck, ...]:
    """The same rows, cut and padded to each length, in batches of each size."""
    import numpy as np

    limit = candidate.signature.max_length or max(LENGTHS)
    dynamic_batch = isinstance(candidate.signature.inputs[0].shape[0], str)
    longest = sorted(range(len(rows)), key=lambda i: -len(rows[i]["input_ids"]))
    name = reference.signature.outputs[0].name
    found = []
    for size in BATCHES if dynamic_batch else (1,):
        for length in [n for n in LENGTHS if n <= limit]:
            # Half long rows, half short ones, so that every batch has padding.
            picked = [
                longest[i // 2] if i % 2 == 0 else longest[-1 - i // 2] for i in range(min(size, len(rows)))
            ]
            cut = [{k: v[:length] for k, v in row.items()} for row in chosen_rows(rows, picked)]
            batch = pad_rows(cut, reference.signature, pad_id=pad_id, width=length)
            expected = as_output(reference.run(batch)[name], output)
            got = candidate.run(batch)[output]
            close = np.isfinite(got).all()
            found.append(
                ShapeCheck(
                    batch=len(picked),
                    length=length,
                    max_abs_error=float(np.abs(got - expected).max()) if close else float("inf"),
                    cosine=float(cosine_rows(got, expected).min()) if close else 0.0,
                )
            )
    return tuple(found)
