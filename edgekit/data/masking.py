"""The masks that a masked language model is judged by: the same in every run, for every artifact."""

from __future__ import annotations

import hashlib
from typing import Any

from edgekit.scores import IGNORED
from edgekit.types import Rows

SHARE = 0.15  # Devlin et al., 2019


def masked_rows(
    rows: Rows, processor: Any, *, share: float = SHARE, seed: int = 0
) -> tuple[Rows, list[list[int]]]:
    """Hides some tokens of each row behind the mask.

    Which ones follows from a hash (SHAKE-256) of the seed and the row's own tokens: neither other rows nor
    any library's random stream matter. Every chosen token becomes the mask; the changed and the kept ones
    of training would only blur what is measured.

    Args:
        rows: token rows without padding.
        processor: names the mask and the special tokens, which are never hidden.
        share: of a row's ordinary tokens, rounded, at least one.
        seed: of the choice.

    Returns:
        New rows, and of each row the hidden token's id where one is hidden and `IGNORED` (−100) elsewhere.
    """
    special = set(processor.all_special_ids)
    hidden, truth = [], []
    for row in rows:
        ids = list(row["input_ids"])
        ordinary = [i for i, token in enumerate(ids) if token not in special]
        chosen = _chosen(ids, ordinary, max(1, round(share * len(ordinary))), seed)
        hidden.append(
            {**row, "input_ids": [processor.mask_token_id if i in chosen else t for i, t in enumerate(ids)]}
        )
        truth.append([t if i in chosen else IGNORED for i, t in enumerate(ids)])
    return hidden, truth


def _chosen(ids: list[int], places: list[int], count: int, seed: int) -> set[int]:
    stream = hashlib.shake_256(f"{seed} {ids}".encode()).digest(8 * len(places))
    drawn = {place: stream[8 * i : 8 * i + 8] for i, place in enumerate(places)}
    return set(sorted(places, key=lambda place: drawn[place])[:count])
