"""Chooses a storage for each weight: the least loss for the bytes that must go.

Losses of single weights are taken to add up, the usual assumption of mixed-precision search (Dong et al.,
HAWQ-V2, 2020). Under it, taking the steps of every weight's lower convex hull in the order of loss per byte
saved gives the least loss that is possible for the bytes reached. A word table alone can be most of a small
model, so its step may go far below the budget: what is left over is then spent again.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.errors import ExportError


@dataclass(frozen=True, slots=True)
class Option:
    """One way to store one weight."""

    scheme: str
    stored_bytes: int
    loss: float  # of the outputs, when this weight alone is stored so


def choose(options: Mapping[str, Sequence[Option]], budget: int) -> dict[str, Option]:
    """Weight → option, with at most `budget` bytes in all.

    Args:
        options: weight → its options, the plain one (loss 0) among them.
        budget: bytes for all these weights together.

    Raises:
        ExportError: even the smallest options together take more.
    """
    smallest = sum(min(o.stored_bytes for o in each) for each in options.values())
    if smallest > budget:
        raise ExportError(
            f"The weights take {smallest:,} bytes at the least, and the budget leaves {max(budget, 0):,} for "
            "them.",
            remedy="Raise max_bytes or bits, raise the deployment target for smaller forms, or use a smaller "
            "student.",
        )
    hulls = {name: hull(each) for name, each in options.items()}
    chosen = {name: found[0] for name, found in hulls.items()}
    total = sum(option.stored_bytes for option in chosen.values())
    steps = [
        (_slope(*pair), name, pair[1]) for name, found in hulls.items() for pair in itertools.pairwise(found)
    ]
    for _, name, option in sorted(steps, key=lambda step: step[:2]):
        if total <= budget:
            break
        total += option.stored_bytes - chosen[name].stored_bytes
        chosen[name] = option
    return _refilled(chosen, options, budget - total)


def _refilled(
    chosen: dict[str, Option], options: Mapping[str, Sequence[Option]], left: int
) -> dict[str, Option]:
    """Spends the bytes that a large last step left over on what takes the most loss away, while it fits."""
    while True:
        better = [
            (chosen[name].loss - option.loss, name, option)
            for name, each in options.items()
            for option in each
            if option.loss < chosen[name].loss and option.stored_bytes - chosen[name].stored_bytes <= left
        ]
        if not better:
            return chosen
        _, name, option = max(better, key=lambda found: found[:2])
        left -= option.stored_bytes - chosen[name].stored_bytes
        chosen[name] = option


def hull(options: Sequence[Option]) -> list[Option]:
    """The options worth taking, largest first: the lower convex hull of loss over bytes."""
    found: list[Option] = []
    for option in sorted(options, key=lambda o: (-o.stored_bytes, o.loss)):
        while found and option.loss <= found[-1].loss:
            found.pop()  # smaller and no worse
        if found and option.stored_bytes == found[-1].stored_bytes:
            continue
        while len(found) > 1 and _slope(found[-2], found[-1]) >= _slope(found[-1], option):
            found.pop()
        found.append(option)
    return found


def _slope(one: Option, smaller: Option) -> float:
    return (smaller.loss - one.loss) / (one.stored_bytes - smaller.stored_bytes)
