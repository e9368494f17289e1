"""Parity of tensors, labels and task metric between a reference and an exported file that is *run*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.batches import chosen_rows, is_padded, length_of, pad_rows, shortened
from edgekit.recipe.schema import Gates
from edgekit.tasks import METRIC_WORDS, get_task
from edgekit.types import Gate, Parity, ShapeCheck
from edgekit.verify.outputs import as_output, cosine_rows, run_row
from edgekit.verify.tally import Tally

if TYPE_CHECKING:
    from edgekit.runtimes.runner import Runner
    from edgekit.types import Artifact, Rows

BATCHES = (1, 3, 8)
COSINE_FP16 = 0.99  # what rounding alone costs leaves 0.9999; an fp16 fault leaves 0.4
LENGTHS = (4, 16, 33, 64, 128)  # 33: no round number, so that a baked-in shape shows


def compare(
    artifact: Artifact,
    candidate: Runner,
    reference: Runner,
    *,
    rows: Rows,
    labels: Sequence[Any],
    pad_id: int,
    gates: Gates,
    reference_name: str,
    reference_outputs: Any = None,
) -> Parity:
    """Runs `candidate` over every row at batch 1, and at several batch sizes and lengths with padding.

    Args:
        labels: one truth per row, as `edgekit.scores` takes it for the reference's task (for a sentence
            embedding, the teacher's `[N, D]`); empty when there are none: no metric is judged then.
        reference_outputs: the reference's for the same rows, `[N, C]` or N arrays `[L, C]`, if they are
            known already; None runs it row by row and keeps nothing.
    """
    signature = reference.signature
    tally = Tally(signature.task, candidate.signature.outputs[0].name, signature.labels)
    with progress.bar(f"Verifying {artifact.name}", len(rows), "rows") as bar:
        for i, row in enumerate(rows):
            tally.add(
                run_row(candidate, row, pad_id=pad_id),
                run_row(reference, row, pad_id=pad_id) if reference_outputs is None else reference_outputs[i],
                labels[i] if len(labels) else None,
            )
            bar.advance()
    shapes = _shape_checks(candidate, reference, rows, pad_id=pad_id, output=tally.output)
    scores = tally.scores()
    drop = None if scores is None else 100 * (scores[1] - scores[0])
    metric = get_task(signature.task).metric
    return Parity(
        artifact=artifact.name,
        reference=reference_name,
        executed=True,
        runtime=candidate.name,
        samples=len(rows),
        max_abs_error=tally.error,
        cosine=tally.cosine,
        label_agreement=tally.agreement,
        metric_name=metric if scores else None,
        metric=scores[0] if scores else None,
        metric_drop=drop,
        shapes=shapes,
        gates=judge(
            artifact.precision,
            gates,
            worst_error=max([tally.error, *[s.max_abs_error for s in shapes]]),
            mean_cosine=tally.cosine,
            metric_drop=drop,
            metric=metric,
        ),
        failures=() if tally.finite else ("some outputs are not finite numbers",),
    )


def judge(
    precision: str,
    gates: Gates,
    *,
    worst_error: float,
    mean_cosine: float,
    metric_drop: float | None,
    metric: str = "accuracy",
) -> tuple[Gate, ...]:
    """The gates that apply to a precision, each with what was measured."""
    found = []
    if precision == "fp32":
        limit = gates.max_abs_error_fp32
        found.append(Gate("largest difference", limit, worst_error, worst_error <= limit))
    compressed = gates.compressed(precision)
    if compressed:
        limit = compressed[1]
        found.append(Gate("mean cosine", limit, mean_cosine, mean_cosine >= limit))
    if precision == "fp16" and metric_drop is None:  # without labelled rows nothing else would judge it
        found.append(Gate("mean cosine", COSINE_FP16, mean_cosine, mean_cosine >= COSINE_FP16))
    if metric_drop is not None:
        limit = compressed[0] if compressed else gates.metric_drop_float
        # A tiny slack: 0.1 points of 1,000 rows is one row, and 0.1 has no exact binary form.
        name = f"points of {METRIC_WORDS[metric]} lost"
        found.append(Gate(name, limit, metric_drop, metric_drop <= limit + 1e-9))
    return tuple(found)


def _shape_checks(
    candidate: Runner, reference: Runner, rows: Rows, *, pad_id: int, output: str
) -> tuple[ShapeCheck, ...]:
    """The same rows, cut and padded to each length, in batches of each size."""
    import numpy as np

    limit = candidate.signature.max_length or max(LENGTHS)
    dynamic_batch = isinstance(candidate.signature.inputs[0].shape[0], str)
    longest = sorted(range(len(rows)), key=lambda i: -length_of(rows[i]))
    lengths = [n for n in LENGTHS if n <= limit] if is_padded(candidate.signature.inputs[0]) else [1]
    task, name = reference.signature.task, reference.signature.outputs[0].name
    found = []
    for size in BATCHES if dynamic_batch else (1,):
        for length in lengths:
            # Half long rows, half short ones, so that every batch has padding.
            picked = [
                longest[i // 2] if i % 2 == 0 else longest[-1 - i // 2] for i in range(min(size, len(rows)))
            ]
            cut = [shortened(row, length) for row in chosen_rows(rows, picked)]
            batch = pad_rows(cut, reference.signature, pad_id=pad_id, width=length)
            expected = as_output(reference.run(batch)[name], output, task)
            got = candidate.run(batch)[output]
            if get_task(task).per_token:  # what stands at padding is nobody's answer
                real = np.arange(length) < np.array([[len(row["input_ids"])] for row in cut])
                expected, got = expected[real], got[:, :length][real]
            if got.shape[-1] == 1:
                expected, got = expected.T, got.T  # the cosine of two single numbers is only their sign
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
