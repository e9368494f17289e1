"""A quick A/B for the "not slower" gate: two contestants, the same inputs, turn about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgekit.benchmark.bootstrap import paired_ratio
from edgekit.benchmark.clock import collector_off, encode_rows, time_run
from edgekit.benchmark.contestant import Contestant
from edgekit.errors import DataError
from edgekit.types import Interval


def faster(
    a: Contestant, b: Contestant, inputs: Sequence[Any], *, rounds: int, seed: int, resamples: int = 2000
) -> Interval:
    """How many times faster A is than B: B's time over A's, tokenization excluded.

    Each input's time is its median over the rounds, which a preempted call can't move; the interval
    comes from resampling inputs in pairs. Above 1 throughout: A is faster. Below 1 throughout: A is
    slower.

    Args:
        a, b: the two contestants.
        inputs: raw inputs, at least 2, of the lengths that matter.
        rounds: timed calls of each contestant on each input.
        seed: of the order of calls and of the resampling.
        resamples: for the interval.

    Raises:
        DataError: fewer than 2 inputs, or no rounds.
        EdgekitError: a contestant failed; names it and the row.
    """
    if len(inputs) < 2 or rounds < 1:
        raise DataError(
            f"{len(inputs)} inputs and {rounds} rounds are too few to compare {a.name} with {b.name}.",
            remedy="Give at least 2 inputs and 1 round.",
        )
    pair = (a, b)
    batches = [encode_rows(contestant, inputs) for contestant in pair]
    nanoseconds = np.empty((2, rounds, len(inputs)))
    order = np.random.default_rng(seed)
    with collector_off():
        for round_ in range(rounds):
            for row in range(len(inputs)):
                for side in order.permutation(2):
                    # Untimed: brings back the caches that the other one's turn took.
                    time_run(pair[side], batches[side][row], row)
                    nanoseconds[side, round_, row], _ = time_run(pair[side], batches[side][row], row)
    medians = np.median(nanoseconds, axis=1)
    return paired_ratio(medians[1], medians[0], resamples, seed)
