"""Shuffling and cutting that give the same splits on every machine, with every version of every library."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from edgekit.data.rows import Row
from edgekit.errors import DataError


def shuffled(rows: Sequence[Row], seed: int) -> list[Row]:
    """Rows by the sha256 of (seed, how often the text came before, text).

    No library's random stream is involved, and a row's place depends on nothing but itself: the order of
    the file does not matter, and added rows leave the others in the order they had.
    """
    seen: Counter[str] = Counter()
    keyed: list[tuple[bytes, Row]] = []
    for row in rows:
        name = f"{seed}\x1f{seen[row.key]}\x1f{row.key}"
        keyed.append((hashlib.sha256(name.encode()).digest(), row))
        seen[row.key] += 1
    keyed.sort(key=lambda pair: pair[0])
    return [row for _, row in keyed]


def cut(
    rows: Sequence[Row], shares: dict[str, float], *, stratify: bool, names: Sequence[str]
) -> dict[str, list[Row]]:
    """Cuts shuffled rows into splits that share no text.

    Sizes are exact (largest remainder, at least 1), counted in distinct texts; a repeated text follows its
    first row. Stratified, every class has its share of every split, but for rounding, and at least one row.

    Args:
        rows: shuffled; each split keeps their order.
        shares: split → share above 0; they sum to 1.
        stratify: whether to keep the classes' proportions.
        names: class names in id order, for messages.

    Raises:
        DataError: fewer distinct texts than splits; stratified, fewer of a class than splits, or a split
            smaller than the number of classes.
    """
    labels: dict[str, Any] = {}  # of distinct texts, in shuffled order; class ids if stratified
    for row in rows:
        labels.setdefault(row.key, row.label)
    if len(labels) < len(shares):
        raise DataError(
            f"{len(labels)} distinct texts are left, too few for {len(shares)} splits.",
            remedy="Give more rows, or a higher data.limit.",
        )
    wanted = dict(zip(shares, split_sizes(len(labels), list(shares.values())), strict=True))
    if stratify:
        _refuse_rare({row.label for row in rows}, Counter(labels.values()), wanted, names)
    chosen = _stratified(labels, wanted) if stratify else _in_order(labels, wanted)
    parts: dict[str, list[Row]] = {split: [] for split in shares}
    for row in rows:
        parts[chosen[row.key]].append(row)
    return parts


def split_sizes(total: int, shares: Sequence[float]) -> list[int]:
    """Whole sizes ≥ 1 that sum to `total`, by largest remainder; `total` is at least the number of shares."""
    exact = [total * share for share in shares]
    sizes = [max(1, int(size + 1e-9)) for size in exact]  # 0.1 × 30 is 3, whatever the last bit says
    while sum(sizes) < total:
        sizes[max(range(len(sizes)), key=lambda i: round(exact[i] - sizes[i], 6))] += 1
    while sum(sizes) > total:
        sizes[
            max(range(len(sizes)), key=lambda i: round(sizes[i] - exact[i], 6) if sizes[i] > 1 else -1)
        ] -= 1
    return sizes


def _in_order(labels: dict[str, Any], wanted: dict[str, int]) -> dict[str, str]:
    places = [split for split, size in wanted.items() for _ in range(size)]
    return dict(zip(labels, places, strict=True))


def _refuse_rare(
    classes: set[int], counts: Counter[int], wanted: dict[str, int], names: Sequence[str]
) -> None:
    # A class that only ever comes with a text first seen under another label has a count of 0: it can follow
    # that text into one split, but no split can be promised it.
    rare = sorted((counts[label], names[label]) for label in classes if counts[label] < len(wanted))
    if rare:
        shown = ", ".join(f"{name!r} {count}" for count, name in rare[:5]) + (", …" if len(rare) > 5 else "")
        raise DataError(
            f"Too few rows to stratify: {shown}; each class needs {len(wanted)}, one for each split "
            "(of a text that repeats, only the first row counts).",
            remedy="Give more rows of these classes, remove them, or set data.split.stratify: false.",
        )
    small = min(wanted, key=lambda split: wanted[split])
    if wanted[small] < len(classes):
        raise DataError(
            f"The {small} split would have {wanted[small]} rows for {len(classes)} classes.",
            remedy=f"Give more rows or a larger data.split.{small}, or set data.split.stratify: false.",
        )


def _stratified(labels: dict[str, int], wanted: dict[str, int]) -> dict[str, str]:
    counts = Counter(labels.values())
    left = dict(counts)
    places: dict[int, list[str]] = {label: [] for label in counts}
    splits = list(wanted)
    # The largest split (train, first) takes what the others leave.
    for later, split in reversed(list(enumerate(splits))):
        taken = left if later == 0 else apportion(left, wanted[split], leave=later)
        for label, count in taken.items():
            places[label] += [split] * count
        left = {label: left[label] - taken[label] for label in left}
    return {key: places[label].pop() for key, label in labels.items()}


def apportion(counts: dict[int, int], total: int, *, leave: int) -> dict[int, int]:
    """How many rows of each class make up `total`, in proportion to `counts`; in whole numbers throughout.

    Each class gives at least 1 and keeps at least `leave`, which must be possible.
    """
    everything = sum(counts.values())
    taken = {k: min(max(1, n * total // everything), n - leave) for k, n in counts.items()}

    def missing(label: int) -> int:
        return counts[label] * total - taken[label] * everything

    while (gap := total - sum(taken.values())) != 0:
        if gap > 0:
            label = max((k for k in sorted(counts) if taken[k] < counts[k] - leave), key=missing)
            taken[label] += 1
        else:
            label = min((k for k in sorted(counts) if taken[k] > 1), key=missing)
            taken[label] -= 1
    return taken
