"""Rows for a parity check when no data is at hand: random tokens at many lengths, random images, or tones.

They judge numbers only.
"""

from __future__ import annotations

from typing import Any

from edgekit.batches import is_padded
from edgekit.signatures import PIXELS
from edgekit.tasks import get_task
from edgekit.types import Rows, Signature, TensorSpec

EVERY = 7  # tokens: one of them is a mask, about as many as in training


def probe_rows(processor: Any, signature: Signature, *, count: int = 64, seed: int = 0) -> Rows:
    """Random ordinary tokens between the tokenizer's special ones, from short to the maximum length; for a
    masked-lm, with masks among them.

    Returns:
        `count` unpadded rows of 3 … max_length tokens, or of one array; the same for the same arguments.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    first = signature.inputs[0]
    if not is_padded(first):
        return (_images if first.name == PIXELS else _sounds)(first, random, count)
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


def _sounds(spec: TensorSpec, random: Any, count: int) -> Rows:
    """Three tones in noise, from a whisper to full scale, that begin somewhere and end somewhere."""
    import numpy as np

    rows = []
    samples = int(spec.shape[1])
    time = np.arange(samples)
    for loud in np.linspace(-3, 0, count):
        made = random.normal(0, 0.05, samples)
        for pitch in random.uniform(0.005, 0.45, 3):  # cycles a sample
            begin, end = sorted(random.integers(0, samples + 1, 2))
            made[begin:end] += random.uniform(0.1, 0.3) * np.sin(2 * np.pi * pitch * time[begin:end])
        rows.append({spec.name: (10**loud * made).clip(-1, 1).astype(np.float32)})
    return rows


def _edges(processor: Any) -> tuple[list[int], list[int]]:
    """The special tokens that the tokenizer puts before and after a text."""
    empty = processor("")["input_ids"]
    middle = (len(empty) + 1) // 2
    return empty[:middle], empty[middle:]
