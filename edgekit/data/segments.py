"""One text in the tokens of two tokenizers: where the one with fewer tokens reads it as the other does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, pairwise
from typing import Any

from edgekit.data.documents import next_tokens, text_documents
from edgekit.types import Rows

BYTE = re.compile(r"^<0x[0-9A-F]{2}>$")  # sentencepiece's byte fallback

Segments = tuple[Sequence[bool], Sequence[int]]  # of a document, for each of its tokens: alike, theirs


def segments(processor: Any, other: Any, texts: Sequence[str]) -> Iterator[Segments]:
    """Compares two segmentations of each document of `token_blocks`.

    Args:
        processor: a tokenizer with fewer tokens, all of them the other's.
        other: the one that it was cut from.
        texts: documents.

    Yields:
        For each token of `processor` whether the other has the same token there, and how many of the other's
        end in it; these sum up to the other's tokens.
    """
    own, theirs = _lengths(processor), _lengths(other)
    both = (text_documents(one, texts) for one in (processor, other))
    for mine, whole in zip(*both, strict=True):
        ends = list(accumulate(own[i] for i in mine))
        marks = list(accumulate(theirs[i] for i in whole))
        if ends[-1:] != marks[-1:]:  # unknown characters: nothing can be told
            yield [False] * len(mine), [0] * (len(mine) - 1) + [len(whole)]
            continue
        spans, counted = set(pairwise((0, *marks))), 0
        alike, found = [], []
        for span in pairwise((0, *ends)):
            alike.append(span in spans)
            before = counted
            while counted < len(marks) and marks[counted] <= span[1]:
                counted += 1
            found.append(counted - before)
        yield alike, found


def of_next_tokens(blocks: Rows, told: Iterable[Segments]) -> tuple[list[list[int]], list[list[int]]]:
    """What `segments` told of the documents in these blocks, of the token that follows each: alike, theirs.

    Returns:
        A list for each block, 0 where nothing follows.
    """
    kept = [list(chain.from_iterable(marks)) for marks in zip(*told, strict=True)]
    found: tuple[list[list[int]], list[list[int]]] = ([], [])
    start = 0
    for block in blocks:
        stop = start + len(block["input_ids"])
        for marks, made in zip(kept, found, strict=True):
            made.append(next_tokens(block, ignored=0, of=marks[start:stop]))
        start = stop
    return found


def _lengths(processor: Any) -> dict[int, int]:
    """Token id → bytes of the text that it stands for, in the tokenizer's own alphabet."""
    return {i: 1 if BYTE.match(token) else len(token.encode()) for token, i in processor.get_vocab().items()}
