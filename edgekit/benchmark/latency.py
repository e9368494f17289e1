"""The DistilBERT protocol (Sanh et al., 2019): the whole evaluation set, one row at a time.

All contestants live in one process and take turns on each row, in an order drawn anew for that row, so
that whatever the machine does meanwhile hits all of them alike. A turn is three calls:

1. untimed: the others' turns have taken the caches, and a phone or a server that runs one model would
   still hold them (a 5 MB model after a 42 MB one was measured 20 to 65 % slower without this). Its
   answer is the one that is scored;
2. timed, on the row as encoded beforehand: tokenization excluded;
3. timed from the raw input: end to end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgekit import progress
from edgekit.benchmark.bootstrap import paired_ratio, score_interval, score_retention
from edgekit.benchmark.clock import collector_off, encode_rows, time_end_to_end, time_run
from edgekit.benchmark.contestant import Contestant, require_unique
from edgekit.errors import DataError
from edgekit.scores import decide, statistics
from edgekit.tasks import get_task
from edgekit.types import Batch, Timing

PROTOCOL = "distilbert: batch 1, one process, interleaved"


@dataclass(frozen=True, slots=True)
class _Measured:
    """Raw figures. M contestants, P passes, N rows."""

    run_ns: np.ndarray  # [M, P, N], tokenization excluded
    end_to_end_ns: np.ndarray  # [M, P, N]
    decided: list[list[Any]]  # [M][N], see `edgekit.scores.decide`


def run_protocol(
    contestants: Sequence[Contestant],
    inputs: Sequence[Any],
    labels: Sequence[Any],
    *,
    warmup: int,
    passes: int,
    bootstrap: int,
    seed: int,
    reference: str | None = None,
    peak: Mapping[str, int | None] | None = None,
) -> tuple[Timing, ...]:
    """Times and scores every contestant on every row.

    Args:
        contestants: in the order of the resulting rows.
        inputs: N raw inputs.
        labels: N truths as `edgekit.scores` takes them, or none at all: scores are then None, unless a
            contestant brings its own, or embeddings are compared: their truth is the reference's.
        warmup: untimed calls of each contestant before anything is measured.
        passes: timed passes over the rows.
        bootstrap: resamples for 95 % intervals over rows.
        seed: of the order of turns and of the resampling.
        reference: name of the contestant that speed-up and retained score refer to, the teacher; the
            first one unless named.
        peak: contestant's name → bytes from `peak_memory`, where measured.

    Returns:
        One row per contestant. `pass_seconds` is the median over passes; percentiles are over all
        N × passes calls; `retained` is None when the reference scores 0.

    Raises:
        DataError: no contestants, no rows, labels that don't match the rows or the classes, a name
            that is missing or occurs twice.
        EdgekitError: a contestant failed or returned values that are not finite; names it and the row.
    """
    against = _reference(contestants, reference)
    _check(inputs, labels, warmup=warmup, passes=passes)
    batches = [encode_rows(contestant, inputs) for contestant in contestants]
    measured = _measure(contestants, inputs, labels, batches, warmup=warmup, passes=passes, seed=seed)

    row_ns = measured.run_ns.mean(axis=1)  # [M, N]
    scored = _statistics(contestants, measured.decided, labels, against)
    rows = []
    for index, contestant in enumerate(contestants):
        p50, p90, p99 = _percentiles_ms(measured.run_ns[index])
        whole50, whole90, whole99 = _percentiles_ms(measured.end_to_end_ns[index])
        score = retained = None
        if scored is not None:
            task = contestant.runner.signature.task
            score = score_interval(task, scored[index], bootstrap, seed)
            retained = score_retention(task, scored[index], scored[against], bootstrap, seed)
        rows.append(
            Timing(
                artifact=contestant.name,
                protocol=PROTOCOL,
                runtime=contestant.runner.name,
                parameters=contestant.parameters,
                size_bytes=contestant.size_bytes,
                sha256=contestant.sha256,
                warmup=warmup,
                runs=passes * len(inputs),
                pass_seconds=float(np.median(measured.run_ns[index].sum(axis=1))) / 1e9,
                p50_ms=p50,
                p90_ms=p90,
                p99_ms=p99,
                end_to_end_p50_ms=whole50,
                end_to_end_p90_ms=whole90,
                end_to_end_p99_ms=whole99,
                peak_bytes=(peak or {}).get(contestant.name),
                score=score,
                retained=retained,
                speedup=paired_ratio(row_ns[against], row_ns[index], bootstrap, seed),
                compute_units=contestant.compute_units,
            )
        )
    return tuple(rows)


def _measure(
    contestants: Sequence[Contestant],
    inputs: Sequence[Any],
    labels: Sequence[Any],
    batches: Sequence[Sequence[Batch]],
    *,
    warmup: int,
    passes: int,
    seed: int,
) -> _Measured:
    shape = (len(contestants), passes, len(inputs))
    run_ns, end_to_end_ns = np.empty(shape), np.empty(shape)
    decided: list[list[Any]] = [[None] * len(inputs) for _ in contestants]
    order = np.random.default_rng(seed)
    for call in range(warmup):
        row = call % len(inputs)
        for index in order.permutation(len(contestants)):
            time_run(contestants[index], batches[index][row], row)
    with progress.bar("Benchmark", passes * len(inputs), "rows") as bar:
        for pass_ in range(passes):
            with collector_off():
                for row, value in enumerate(inputs):
                    for index in order.permutation(len(contestants)):
                        contestant, batch = contestants[index], batches[index][row]
                        _, answer = time_run(contestant, batch, row)
                        run_ns[index, pass_, row], _ = time_run(contestant, batch, row)
                        end_to_end_ns[index, pass_, row] = time_end_to_end(contestant, value, row)
                        if row == 0:
                            _require_classes(contestant, answer.shape[-1], labels)
                        if pass_ == 0:
                            signature = contestant.runner.signature
                            decided[index][row] = decide(
                                signature.task, answer, output=signature.outputs[0].name
                            )
                    bar.advance()
    return _Measured(run_ns, end_to_end_ns, decided)


def _statistics(
    contestants: Sequence[Contestant], decided: list[list[Any]], labels: Sequence[Any], against: int
) -> list[np.ndarray] | None:
    """`[N, K]` of each contestant; None where nothing says what is true."""
    found = []
    for contestant, answers in zip(contestants, decided, strict=True):
        signature = contestant.runner.signature
        truth = labels if contestant.truth is None else contestant.truth
        if get_task(signature.task).metric == "cosine":
            truth = decided[against]
        if not len(truth):
            return None
        found.append(statistics(signature.task, answers, truth, labels=signature.labels))
    return found


def _percentiles_ms(nanoseconds: np.ndarray) -> tuple[float, float, float]:
    p50, p90, p99 = np.percentile(nanoseconds, [50, 90, 99]) / 1e6
    return float(p50), float(p90), float(p99)


def _reference(contestants: Sequence[Contestant], name: str | None) -> int:
    if not contestants:
        raise DataError("There is nothing to benchmark.", remedy="Give at least one model or artifact.")
    require_unique(contestants)
    names = [contestant.name for contestant in contestants]
    if name is None:
        return 0
    if name not in names:
        raise DataError(
            f"The reference {name!r} is not among the contestants: {', '.join(names)}.",
            remedy="Name one of them, or leave it out to use the first.",
        )
    return names.index(name)


def _check(inputs: Sequence[Any], labels: Sequence[int], *, warmup: int, passes: int) -> None:
    if not len(inputs) or passes < 1 or warmup < 0:
        raise DataError(
            f"{len(inputs)} rows, {passes} passes and {warmup} warm-up calls can't be measured.",
            remedy="Give at least one row and one pass, and a warm-up of 0 or more.",
        )
    if len(labels) and len(labels) != len(inputs):
        raise DataError(
            f"There are {len(inputs)} rows and {len(labels)} labels.",
            remedy="Give one label for each row, or no labels to time without a score.",
        )


def _require_classes(contestant: Contestant, classes: int, labels: Sequence[Any]) -> None:
    if get_task(contestant.runner.signature.task).truth != "class" or not len(labels):
        return
    if min(labels) < 0:
        raise DataError("A label is below 0.", remedy="Use class ids from 0.")
    highest_label = max(labels)
    if highest_label >= classes:
        raise DataError(
            f"{contestant.name} knows {classes} classes, and the labels go up to class {highest_label}.",
            remedy="Benchmark it on the data set it was trained for.",
        )
