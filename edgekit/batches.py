"""Rows of token ids to padded batches, the same way for training, verifying and timing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Rows, Signature


def pad_rows(
    rows: Rows, signature: Signature, *, pad_id: int, width: int | None = None
) -> dict[str, np.ndarray]:
    """Pads rows on the right.

    Args:
        rows: unpadded rows, input name → token ids.
        pad_id: token id that fills `input_ids`; every other input is filled with 0.
        width: tokens per row; None takes the longest row's.

    Returns:
        Input name → int64 `[B, width]`, for the inputs that `signature` names.
    """
    import numpy as np

    width = width or max(len(row["input_ids"]) for row in rows)
    made = {}
    for spec in signature.inputs:
        array = np.full((len(rows), width), pad_id if spec.name == "input_ids" else 0, dtype=np.int64)
        for i, row in enumerate(rows):
            values = row[spec.name]
            array[i, : len(values)] = values
        made[spec.name] = array
    return made


def by_length(rows: Rows, size: int) -> list[list[int]]:
    """Indices of rows in batches of similar length, for evaluation."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]["input_ids"]))
    return [order[start : start + size] for start in range(0, len(order), size)]


def chosen_rows(rows: Rows, indices: Sequence[int]) -> Rows:
    """The rows at `indices`."""
    return [rows[i] for i in indices]
