"""Batches of rows of similar length: less padding, and a random order that a resumed run finds again."""

from __future__ import annotations

from collections.abc import Sequence


def length_buckets(
    lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int, window: int = 50
) -> list[list[int]]:
    """Random training batches whose rows have similar lengths.

    Shuffles all rows, sorts by length within windows of `window * batch_size` rows, cuts batches and
    shuffles those. The order is a function of the arguments alone (NumPy's PCG64, seeded by `[seed, epoch]`).

    Args:
        lengths: tokens of each row.
        batch_size: rows; one batch may have fewer.
        seed: of the run, ≥ 0.
        epoch: 0-based.
        window: batches sorted together; 1 is a plain shuffle, more pads less and mixes less.

    Returns:
        Row indices by batch; each index exactly once.
    """
    import numpy as np

    random = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = [int(i) for i in random.permutation(len(lengths))]
    batches: list[list[int]] = []
    for start in range(0, len(order), window * batch_size):
        near = sorted(order[start : start + window * batch_size], key=lambda i: lengths[i])
        batches += _cut(near, batch_size)
    return [batches[i] for i in random.permutation(len(batches))]


def _cut(order: list[int], batch_size: int) -> list[list[int]]:
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
