"""Rows for a parity check when no data is at hand: random tokens at many lengths, or random images.

They judge numbers only.
"""

from __future__ import annotations

from typing import Any

from edgekit.batches import is_padded
from edgekit.tasks import get_task
from edgekit.types import Rows, Signature, TensorSpec

EVERY = 7  # tokens: one of them is a mask, about as many as in training


def probe_rows(processor: Any, signature: Signature, *, count: int = 64, seed: int = 0) -> Rows:
    """Random ordinary tokens between the tokenizer's special ones, from short to the maximum length; for a
    masked-lm, with masks among them.

    Returns:
        `count` unpadded rows of 3 … max_length tokens, or of pixels; the same for the same arguments.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    if not is_padded(signature.inputs[0]):
        return _images(signature.inputs[0], random, count)
    special = set(processor.all_special_ids)
    ordinary = np.array([i for i in range(len(processor)) if i not in special])
    opening, closing = _edges(processor)
    hidden = processor.mask_token_id if get_task(signature.task).metric == "masked_accuracy" else None
    longest = max(4, signature.max_length or 128)
    rows = []
    for length in np.linspace(3, longest, count).round().astype(int):
        body = random.choice(ordinary, size=max(1, int(length) - len(opening) - len(closing))).tolist()
        if hidden is not None:
            body[::EVERY] = [hidden] * len(body[::EVERY])
        ids = [*opening, *body, *closing][:longest]
        rows.append(
            {
                spec.name: ids
                if spec.name == "input_ids"
                else [int(spec.name == "attention_mask")] * len(ids)
                for spec in signature.inputs
            }
        )
    return rows


def _images(spec: TensorSpec, random: Any, count: int) -> Rows:
    """Random patches in random colours, from fine to coarse: noise alone averages out in a deep network."""
    import numpy as np

    rows = []
    _, channels, height, width = (int(n) if not isinstance(n, str) else 0 for n in spec.shape)
    for i in range(count):
        cells = 2 + i % 15
        patches = random.integers(0, 256, size=(channels, cells, cells), dtype=np.uint8)
        down, across = (np.arange(extent) * cells // extent for extent in (height, width))
        rows.append({spec.name: patches[:, down][:, :, across]})
    return rows


def _edges(processor: Any) -> tuple[list[int], list[int]]:
    """The special tokens that the tokenizer puts before and after a text."""
    empty = processor("")["input_ids"]
    middle = (len(empty) + 1) // 2
    return empty[:middle], empty[middle:]
