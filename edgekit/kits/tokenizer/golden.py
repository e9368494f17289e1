"""Texts that tell tokenizers apart, with the ids that Hugging Face `tokenizers` gives them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.files import atomic
from edgekit.kits.tokenizer.nasty import nasty_texts
from edgekit.kits.tokenizer.source import Source

SHIPPED = 300  # vectors in a kit's own tests
_PAIRS = 6  # of this many vectors one is of two texts


@dataclass(frozen=True, slots=True)
class Golden:
    """A text, or a pair, and what the tokenizer makes of it."""

    text: str
    pair: str | None
    ids: tuple[int, ...]
    types: tuple[int, ...]


def golden_vectors(source: Source, *, count: int = SHIPPED, seed: int = 0) -> tuple[Golden, ...]:
    """Nasty texts and a tokenizer's ids for them, truncated as the source says.

    A pair that the tokenizer itself refuses, because the text that may be cut is too short, is left out.

    Args:
        source: from `edgekit.kits.tokenizer.load`.
        count: texts, pairs among them.
        seed: chooses them; the same seed gives the same.
    """
    texts = nasty_texts(count, seed, [token["content"] for token in source.spec["added_tokens"]])
    choose = random.Random(seed)
    made = []
    for i, text in enumerate(texts):
        pair = choose.choice(texts) if i % _PAIRS == _PAIRS - 1 else None
        try:
            found = source.tokenizer.encode(text, pair)
        except Exception as error:  # the library raises no other
            if "Truncation error" not in str(error):
                raise
            continue
        made.append(Golden(text, pair, tuple(found.ids), tuple(found.type_ids)))
    return tuple(made)


def write_golden(vectors: Sequence[Golden], path: Path) -> Path:
    """One vector per line: text, pair or "-", ids, type ids. Texts are "." and UTF-8 hex; ids have commas."""
    with atomic(path) as temporary:
        temporary.write_text("".join(map(_line, vectors)), encoding="ascii", newline="\n")
    return path


def _line(vector: Golden) -> str:
    texts = ["-" if text is None else "." + text.encode().hex() for text in (vector.text, vector.pair)]
    return " ".join([*texts, ",".join(map(str, vector.ids)), ",".join(map(str, vector.types))]) + "\n"
