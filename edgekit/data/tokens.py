"""Texts → token ids, unpadded, and how much of them the maximum length cuts off."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgekit import progress
from edgekit.batches import length_of
from edgekit.data.percentiles import percentiles

_CHUNK = 1000  # rows
_SHOW_ABOVE = 20_000  # rows; fewer are done before a bar would be read


@dataclass(frozen=True, slots=True)
class TokenStats:
    """Lengths in tokens before cutting, special tokens included."""

    rows: int
    max_length: int  # tokens kept at most
    p50: int
    p90: int
    p99: int
    longest: int
    cut: int  # rows longer than max_length

    @property
    def cut_share(self) -> float:
        """Share of rows that lose tokens, 0–1."""
        return self.cut / self.rows if self.rows else 0.0


def tokenise(
    processor: Any, inputs: Sequence[str | tuple[str, str]], max_length: int
) -> list[dict[str, list[int]]]:
    """Token rows without padding.

    Args:
        processor: a Hugging Face tokenizer, or what brings images to pixels.
        inputs: texts or text pairs, one kind throughout.
        max_length: tokens, special tokens included; longer rows are cut, of a pair the longer text first.

    Returns:
        One dict per input: each of `processor.model_input_names` → list of ints, all of one length.
    """
    return tokenise_with_stats(processor, inputs, max_length)[0]


def tokenise_with_stats(
    processor: Any, inputs: Sequence[str | tuple[str, str]], max_length: int
) -> tuple[list[dict[str, list[int]]], TokenStats]:
    """Token rows as `tokenise` gives them, and the lengths that the texts had before."""
    rows: list[dict[str, list[int]]] = []
    lengths: list[int] = []
    shown = len(inputs) > _SHOW_ABOVE
    with progress.bar("Tokenise", len(inputs), "rows") if shown else contextlib.nullcontext() as bar:
        for start in range(0, len(inputs), _CHUNK):
            chunk = inputs[start : start + _CHUNK]
            whole = _encode(processor, chunk, truncation=False)
            long = [i for i, row in enumerate(whole) if length_of(row) > max_length]
            lengths += map(length_of, whole)
            # Encoding the few long rows again keeps their closing special token; a slice would lose it.
            again = _encode(processor, [chunk[i] for i in long], truncation=True, max_length=max_length)
            for i, row in zip(long, again, strict=True):
                whole[i] = row
            rows += whole
            if bar is not None:
                bar.advance(len(chunk))
    p50, p90, p99, longest = percentiles(lengths, 50, 90, 99, 100)
    cut = sum(length > max_length for length in lengths)
    return rows, TokenStats(len(rows), max_length, p50, p90, p99, longest, cut)


def _encode(
    processor: Any, inputs: Sequence[str | tuple[str, str]], **truncation: Any
) -> list[dict[str, list[int]]]:
    if not inputs:
        return []
    texts = [text if isinstance(text, str) else text[0] for text in inputs]
    pairs = None if isinstance(inputs[0], str) else [pair[1] for pair in inputs]
    # verbose=False: a row above the model's own limit is no news, it is cut right after.
    columns = processor(texts, pairs, padding=False, verbose=False, **truncation)
    names = [name for name in processor.model_input_names if name in columns]
    return [
        dict(zip(names, row, strict=True)) for row in zip(*(columns[name] for name in names), strict=True)
    ]
