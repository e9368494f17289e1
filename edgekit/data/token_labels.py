"""Words and their tags → tokens and theirs: the first token of a word carries its tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit.scores import IGNORED
from edgekit.types import Rows


def token_labels(
    processor: Any, words: Sequence[str], tags: Sequence[Sequence[int]], max_length: int
) -> tuple[Rows, list[list[int]]]:
    """Token rows as `tokenise` gives them, and one label per token.

    Args:
        processor: a fast tokenizer.
        words: texts, words between single spaces.
        tags: for each text, the id of every word's tag.
        max_length: tokens, special tokens included; words beyond it are not judged.

    Returns:
        Rows, and of each row a tag id at the first token of every word and `IGNORED` (−100) elsewhere.
    """
    rows, starts = word_starts(processor, words, max_length)
    labels = []
    for row, firsts, ids in zip(rows, starts, tags, strict=True):
        labels.append([IGNORED] * len(row["input_ids"]))
        for first, tag in zip(firsts, ids, strict=True):
            if first is not None:
                labels[-1][first] = tag
    return rows, labels


def word_starts(processor: Any, texts: Sequence[str], max_length: int) -> tuple[Rows, list[list[int | None]]]:
    """Token rows, and for every word of each text the place of its first token.

    Places come from character offsets: `word_ids` counts a tokenizer's own words, in which "don't" is three,
    and splitting beforehand changes the tokens of byte-level tokenizers.

    Returns:
        Rows, and one place per word; None for a word that was cut off, or that has no token of its own.
    """
    columns = processor(
        list(texts),
        padding=False,
        truncation=True,
        max_length=max_length,
        return_offsets_mapping=True,
        verbose=False,
    )
    names = [name for name in processor.model_input_names if name in columns]
    rows = [
        dict(zip(names, row, strict=True)) for row in zip(*(columns[name] for name in names), strict=True)
    ]
    starts = [_first_tokens(text, at) for text, at in zip(texts, columns["offset_mapping"], strict=True)]
    return rows, starts


def _first_tokens(text: str, offsets: Sequence[tuple[int, int]]) -> list[int | None]:
    """For each word, the first token that ends inside it; some tokenizers let a token begin at the space."""
    owner: list[int | None] = []
    words = text.split(" ")
    for number, word in enumerate(words):
        owner += [number] * len(word) + [None]
    found: list[int | None] = [None] * len(words)
    for token, (start, end) in enumerate(offsets):
        place = owner[end - 1] if end > start else None  # special tokens span nothing
        if place is not None and found[place] is None:
            found[place] = token
    return found
