"""Rows to batches, the same way for training, verifying and timing.

A row of a text holds token ids, which are padded; any other row holds arrays, whose shape is settled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Rows, Signature, TensorSpec


def pad_rows(
    rows: Rows, signature: Signature, *, pad_id: int, width: int | None = None
) -> dict[str, np.ndarray]:
    """Pads rows on the right.

    Args:
        rows: unpadded rows, input name → token ids, or an array of settled shape.
        pad_id: token id that fills `input_ids`; every other input is filled with 0.
        width: tokens per row; None takes the longest row's.

    Returns:
        Input name → int64 `[B, width]`, or `[B, …]` of its own dtype, for the inputs that `signature` names.
    """
    import numpy as np

    width = width or max(map(length_of, rows))
    made = {}
    for spec in signature.inputs:
        if not is_padded(spec):
            made[spec.name] = np.stack([row[spec.name] for row in rows]).astype(spec.dtype)
            continue
        array = np.full((len(rows), width), pad_id if spec.name == "input_ids" else 0, dtype=np.int64)
        for i, row in enumerate(rows):
            values = row[spec.name]
            array[i, : len(values)] = values
        made[spec.name] = array
    return made


def is_padded(spec: TensorSpec) -> bool:
    """Whether an input is a sequence of ids, `[B, L]`, and not numbers of a settled shape."""
    return spec.dtype in ("int32", "int64")


def length_of(row: Mapping[str, Sequence[int]]) -> int:
    """Tokens of a row; arrays are a sequence of one."""
    return len(row["input_ids"]) if "input_ids" in row else 1


def shortened(row: Mapping[str, Sequence[int]], length: int) -> Mapping[str, Sequence[int]]:
    """A row's first `length` tokens; arrays stay whole."""
    return {name: values[:length] for name, values in row.items()} if "input_ids" in row else row


def by_length(rows: Rows, size: int) -> list[list[int]]:
    """Indices of rows in batches of similar length, for evaluation."""
    order = sorted(range(len(rows)), key=lambda i: length_of(rows[i]))
    return [order[start : start + size] for start in range(0, len(order), size)]


def chosen_rows(rows: Rows, indices: Sequence[int]) -> Rows:
    """The rows at `indices`."""
    return [rows[i] for i in indices]
