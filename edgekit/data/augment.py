"""Changed copies of texts for a teacher to label (Jiao et al., 2020, §3.2; Wei & Zou, 2019).

TinyBERT draws replacements from a masked language model; a teacher for edge use rarely has one, so they are
drawn from the words that its token table holds closest. Words of several pieces, which have no row of their
own, are dropped or swapped instead.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.data.rows import Text, text_key
from edgekit.recipe.schema import Augment

if TYPE_CHECKING:
    import numpy as np

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_CHUNK = 2000  # words compared with the whole table at once
_BATCH = 10_000  # strings given to the tokenizer at once

Neighbours = Mapping[str, Sequence[str]]  # word in lower case → the closest words, closest first


def changed_copies(
    inputs: Sequence[Text], config: Augment, *, processor: Any, table: np.ndarray, seed: int
) -> Iterator[Text]:
    """`config.copies` changed copies of every input: the first copy of each, then the second of each, …

    A copy is a function of (seed, number of the copy, text), so that more copies leave the others alone. It
    is never empty, and equals its text only if nothing in that can be changed.

    Args:
        inputs: texts or pairs; of a pair, both parts are changed.
        config: how many copies, and which share of the words to replace, drop and swap.
        processor: the fast tokenizer that `table` belongs to.
        table: token embeddings `[V, D]`.
        seed: of the draws.
    """
    parts = {part for text in inputs for part in _parts(text)}
    near = neighbours(parts, processor, table, config.candidates) if config.replace else {}
    with progress.bar("Augment", config.copies * len(inputs), "texts") as bar:
        for copy in range(config.copies):
            for text in inputs:
                # Python promises that a string seeds the same stream in every version, and that only
                # `random()` draws the same from it.
                draw = random.Random(f"{seed}\x1f{copy}\x1f{text_key(text)}").random
                if isinstance(text, str):
                    yield change(text, config, near, draw)
                else:
                    yield change(text[0], config, near, draw), change(text[1], config, near, draw)
                bar.advance()


def _parts(text: Text) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


def change(text: str, config: Augment, near: Neighbours, draw: Callable[[], float]) -> str:
    """One changed copy of a text; what stands between words stays where it is.

    Args:
        near: words that may be replaced, and by which ones.
        draw: gives numbers in [0, 1).
    """
    whole = _Cut.of(text)
    words, count = list(whole.words), len(whole.words)
    gone, order = [False] * count, list(range(count))
    giving_way = config.drop / (config.drop + config.swap) if config.drop + config.swap else None
    for i, word in enumerate(whole.words):
        replaced, dropped, swapped = draw() < config.replace, draw() < config.drop, draw() < config.swap
        if replaced and word.lower() in near:
            words[i] = _replacement(word, near, draw)
        elif replaced and giving_way is not None:
            dropped, swapped = (True, swapped) if draw() < giving_way else (dropped, True)
        gone[i] = dropped and count - sum(gone) > 1
        if swapped and i + 1 < count:
            order[i], order[i + 1] = order[i + 1], order[i]
    made = whole.joined(words, gone, order)
    return made if made != text.strip() else _forced(whole, config, near, draw)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A text as words, what stands before each, and what stands after the last."""

    words: tuple[str, ...]
    gaps: tuple[str, ...]
    tail: str

    @classmethod
    def of(cls, text: str) -> _Cut:
        found = list(_WORD.finditer(text))
        ends = [0, *(match.end() for match in found)]
        gaps = tuple(text[end : match.start()] for end, match in zip(ends, found, strict=False))
        return cls(tuple(match[0] for match in found), gaps, text[ends[-1] :])

    def joined(self, words: Sequence[str], gone: Sequence[bool], order: Sequence[int]) -> str:
        """The words in another order, without those that are gone; the space before one goes with it."""
        made = "".join(
            gap.rstrip() if gone[i] else gap + words[i] for gap, i in zip(self.gaps, order, strict=True)
        )
        return (made + self.tail).strip()


def _forced(cut: _Cut, config: Augment, near: Neighbours, draw: Callable[[], float]) -> str:
    """One change at a random place, by the first way that is allowed and possible."""
    words, order = list(cut.words), list(range(len(cut.words)))
    stay = [False] * len(words)
    start = int(draw() * len(words))
    for i in order[start:] + order[:start]:
        if config.replace and words[i].lower() in near:
            return cut.joined([*words[:i], _replacement(words[i], near, draw), *words[i + 1 :]], stay, order)
        if config.swap and i + 1 < len(words) and words[i] != words[i + 1]:
            return cut.joined(words, stay, [*order[:i], i + 1, i, *order[i + 2 :]])
        if config.drop and len(words) > 1:
            return cut.joined(words, [place == i for place in order], order)
    return cut.joined(words, stay, order)


def _replacement(word: str, near: Neighbours, draw: Callable[[], float]) -> str:
    others = near[word.lower()]
    other = others[int(draw() * len(others))]
    if word.isupper() and len(word) > 1:
        return other.upper()
    return other[0].upper() + other[1:] if word[0].isupper() else other


def neighbours(
    texts: Iterable[str], processor: Any, table: np.ndarray, candidates: int
) -> dict[str, list[str]]:
    """The closest words of every word in `texts` that the tokenizer keeps in one piece, by cosine.

    Args:
        processor: fast tokenizer.
        table: token embeddings `[V, D]`.
        candidates: how many words each gets, at most.
    """
    import numpy as np

    used = sorted({match[0].lower() for text in texts for match in _WORD.finditer(text)})
    pieces = dict(zip(used, _pieces(processor, used), strict=True))
    names = _whole_words(processor)
    ids = np.array(sorted(names))
    unit = table[ids].astype(np.float32)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    place = {int(token): i for i, token in enumerate(ids)}
    asked = [(word, place[got[0]]) for word, got in pieces.items() if len(got) == 1 and got[0] in place]
    near: dict[str, list[str]] = {}
    count = min(candidates + 1, len(ids))  # the word itself is the closest of all
    for start in range(0, len(asked), _CHUNK):
        chunk = asked[start : start + _CHUNK]
        cosine = unit[[i for _, i in chunk]] @ unit.T
        best = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
        for row, (word, own) in enumerate(chunk):
            closest = sorted(best[row], key=lambda i: (-cosine[row, i], i))
            others = [names[int(ids[i])] for i in closest if i != own]
            near[word] = [other for other in others if other != word][:candidates]
    return {word: others for word, others in near.items() if others}


def _pieces(processor: Any, words: Sequence[str]) -> list[list[int]]:
    # With a space before it, a word in a list is cut as one within a text is, whatever the tokenizer.
    found: list[list[int]] = []
    for start in range(0, len(words), _BATCH):
        spaced = [f" {word}" for word in words[start : start + _BATCH]]
        found += processor(spaced, add_special_tokens=False)["input_ids"]
    return found


def _whole_words(processor: Any) -> dict[int, str]:
    """Token id → word, for the tokens that are words of letters by themselves."""
    special = set(processor.all_special_ids)
    ids = [i for i in range(len(processor)) if i not in special]
    words = [word.strip() for word in processor.batch_decode([[i] for i in ids])]
    letters = [(i, word) for i, word in zip(ids, words, strict=True) if word.isalpha() and len(word) > 1]
    pieces = _pieces(processor, [word for _, word in letters])
    return {i: word for (i, word), got in zip(letters, pieces, strict=True) if got == [i]}
