"""The DistilBERT protocol (Sanh et al., 2019): the whole evaluation set, one row at a time.

All contestants live in one process and take turns on each row, in an order drawn anew for that row, so
that whatever the machine does meanwhile hits all of them alike. A turn is three calls:

1. untimed: the others' turns have taken the caches, and a phone or a server that runs one model would
   still hold them (a 5 MB model after a 42 MB one was measured 20 to 65 % slower without this). Its
   logits are the ones that are scored;
2. timed, on the row as encoded beforehand: tokenization excluded;
3. timed from the raw input: end to end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgekit import progress
from edgekit.benchmark.bootstrap import accuracy_interval, paired_ratio, paired_retention
from edgekit.benchmark.clock import collector_off, encode_rows, time_end_to_end, time_run
from edgekit.benchmark.contestant import Contestant, require_unique
from edgekit.errors import DataError
from edgekit.types import Batch, Interval, Timing

PROTOCOL = "distilbert: batch 1, one process, interleaved"


@dataclass(frozen=True, slots=True)
class _Measured:
    """Raw figures. M contestants, P passes, N rows."""

    run_ns: np.ndarray  # [M, P, N], tokenization excluded
    end_to_end_ns: np.ndarray  # [M, P, N]
    predictions: np.ndarray  # int [M, N]


def run_protocol(
    contestants: Sequence[Contestant],
    inputs: Sequence[Any],
    labels: Sequence[int],
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
        labels: N class ids, or none at all: scores are then None.
        warmup: untimed calls of each contestant before anything is measured.
        passes: timed passes over the rows.
        bootstrap: resamples for 95 % intervals over rows.
        seed: of the order of turns and of the resampling.
        reference: name of the contestant that speed-up and retained score refer to, the teacher; the
            first one unless named.
        peak: contestant's name → bytes from `peak_memory`, where measured.

    Returns:
        One row per contestant. `pass_seconds` is the median over passes; percentiles are over all
        N × passes calls; `retained` is None when the reference has no row right.

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
    correct = measured.predictions == np.asarray(labels) if len(labels) else None
    rows = []
    for index, contestant in enumerate(contestants):
        p50, p90, p99 = _percentiles_ms(measured.run_ns[index])
        whole50, whole90, whole99 = _percentiles_ms(measured.end_to_end_ns[index])
        score = retained = None
        if correct is not None:
            score = accuracy_interval(correct[index], bootstrap, seed)
            retained = _retained(correct[index], correct[against], bootstrap, seed)
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
    labels: Sequence[int],
    batches: Sequence[Sequence[Batch]],
    *,
    warmup: int,
    passes: int,
    seed: int,
) -> _Measured:
    shape = (len(contestants), passes, len(inputs))
    run_ns, end_to_end_ns = np.empty(shape), np.empty(shape)
    predictions = np.empty((len(contestants), len(inputs)), dtype=np.int64)
    highest_label = max(labels, default=0)
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
                        _, logits = time_run(contestant, batch, row)
                        run_ns[index, pass_, row], _ = time_run(contestant, batch, row)
                        end_to_end_ns[index, pass_, row] = time_end_to_end(contestant, value, row)
                        if pass_ == 0:
                            _require_classes(contestant, logits.size, highest_label)
                            predictions[index, row] = logits.argmax()
                    bar.advance()
    return _Measured(run_ns, end_to_end_ns, predictions)


def _retained(
    correct: np.ndarray, reference_correct: np.ndarray, resamples: int, seed: int
) -> Interval | None:
    if not reference_correct.any():
        return None
    return paired_retention(correct, reference_correct, resamples, seed)


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
    if min(labels, default=0) < 0:
        raise DataError("A label is below 0.", remedy="Use class ids from 0.")


def _require_classes(contestant: Contestant, classes: int, highest_label: int) -> None:
    if highest_label >= classes:
        raise DataError(
            f"{contestant.name} knows {classes} classes, and the labels go up to class {highest_label}.",
            remedy="Benchmark it on the data set it was trained for.",
        )
