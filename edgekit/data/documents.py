"""Documents of a plain text, and documents as blocks of tokens that a decoder is trained on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.data.table import Table
from edgekit.data.textfile import open_text
from edgekit.types import Rows

LENGTHS = "lengths"  # of a block: tokens of each document, or part of one, in it
_CHUNK = 1000  # documents tokenised at once


def read_documents(path: Path, *, separator: str, encoding: str, column: str) -> Table:
    """The documents of a plain text as one column, without those of white space alone.

    Args:
        separator: regular expression between two documents.
        column: the name that the column gets.

    Raises:
        DataError: the bytes are not in this encoding.
    """
    with open_text(path, encoding) as stream:
        pieces = re.split(separator, stream.read())
    return Table({column: [text for piece in pieces if (text := piece.strip())]}, path.name)


def token_blocks(processor: Any, texts: Sequence[str], length: int) -> list[dict[str, list[int]]]:
    """Documents end to end in blocks of `length` tokens: nothing is cut off; only the last one is shorter.

    Each document ends with the tokenizer's end-of-text token, which is learned, and begins as its tokenizer
    has it (some set a token before every text). A document that reaches over the end of a block goes on in
    the next as if it began there.

    Args:
        processor: a Hugging Face tokenizer with an end-of-text token.
        texts: in the order of the blocks.
        length: tokens of a block.

    Returns:
        `input_ids`, `attention_mask` (all 1) and `LENGTHS` of each block.
    """
    return filled_blocks(text_documents(processor, texts), length)


def text_documents(processor: Any, texts: Sequence[str]) -> Iterator[list[int]]:
    """The documents of `token_blocks` as tokens, each with its end."""
    end = processor.eos_token_id
    for start in range(0, len(texts), _CHUNK):
        for tokens in processor(list(texts[start : start + _CHUNK]), verbose=False)["input_ids"]:
            yield tokens if tokens[-1:] == [end] else [*tokens, end]


def filled_blocks(documents: Iterable[Sequence[int]], length: int) -> list[dict[str, list[int]]]:
    """Documents of tokens, their ends in place, as the blocks of `token_blocks`."""
    blocks: list[dict[str, list[int]]] = []
    ids: list[int] = []
    parts: list[int] = []

    def close() -> None:
        blocks.append({"input_ids": ids[:], "attention_mask": [1] * len(ids), LENGTHS: parts[:]})
        ids.clear()
        parts.clear()

    for left in documents:
        while left:
            part, left = left[: length - len(ids)], left[length - len(ids) :]
            ids += part
            parts.append(len(part))
            if len(ids) == length:
                close()
    if ids:
        close()
    return blocks


def next_tokens(
    block: Mapping[str, Sequence[int]], *, ignored: int, of: Sequence[int] | None = None
) -> list[int]:
    """What follows each token of a block within its document, or what `of` says of it; else `ignored`."""
    ids, start = block["input_ids"] if of is None else of, 0
    targets: list[int] = []
    for length in block[LENGTHS]:
        targets += [*ids[start + 1 : start + length], ignored]
        start += length
    return targets


def positions(block: Mapping[str, Sequence[int]]) -> list[int]:
    """Each token's place in its document, from 0."""
    return [place for length in block[LENGTHS] for place in range(length)]


def count_next(rows: Rows) -> int:
    """Tokens of all blocks that follow another one: what is predicted."""
    return sum(length - 1 for row in rows for length in row[LENGTHS])
