"""What Hugging Face `tokenizers` does to each code point, asked of its own components.

Unicode tables differ between versions and platforms, and a port of the rules differs in corners; the answers
of the component that made the training data do not.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from edgekit.kits.tokenizer.numbers import Range

SCALARS = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
_CHUNK = 1 << 14
_BETWEEN = "|"  # nothing composes with it, and no mark moves across it


def component(kind: str, spec: Mapping[str, Any]) -> Any:
    """A `normalizer` or `pre_tokenizer` made from its part of a tokenizer.json."""
    return _component(kind, json.dumps(spec))


@functools.cache
def _component(kind: str, spec: str) -> Any:
    from tokenizers import Tokenizer

    parts = {"normalizer": None, "pre_tokenizer": None, kind: json.loads(spec)}
    model = {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"}
    rest: dict[str, Any] = {"version": "1.0", "added_tokens": [], "post_processor": None, "decoder": None}
    return getattr(Tokenizer.from_str(json.dumps({**rest, **parts, "model": model})), kind)


def mapped(spec: Mapping[str, Any]) -> dict[int, tuple[int, ...]]:
    """What a normalizer makes of each code point alone, where that isn't the code point itself."""
    return dict(_mapped(json.dumps(spec)))


@functools.cache
def _mapped(spec: str) -> Mapping[int, tuple[int, ...]]:
    normalize = _component("normalizer", spec).normalize_str
    made = {}
    for start in range(0, len(SCALARS), _CHUNK):
        chunk = SCALARS[start : start + _CHUNK]
        texts = normalize(_BETWEEN.join(chunk)).split(_BETWEEN)
        if len(texts) != len(chunk):  # something became the separator
            texts = [normalize(one) for one in chunk]
        made.update({ord(c): tuple(map(ord, t)) for c, t in zip(chunk, texts, strict=True) if c != t})
    return made


@functools.cache
def matching(pattern: str) -> tuple[Range, ...]:
    """Code points that a one-character regular expression matches, by the engine that `Split` uses."""
    from tokenizers import Regex, pre_tokenizers

    split = pre_tokenizers.Split(Regex(f"(?:{pattern})+"), "removed")
    kept = [span for _, span in split.pre_tokenize_str(SCALARS)]
    edges = [0, *(edge for span in kept for edge in span), len(SCALARS)]
    return tuple(_codes(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b)


@functools.cache
def roles(spec: str) -> tuple[tuple[Range, ...], tuple[Range, ...]]:
    """What a pre-tokenizer (as JSON) does with each code point between two letters.

    Returns:
        Ranges that become pieces of their own, and ranges that are removed; the others join the letters.
    """
    cut = _component("pre_tokenizer", spec).pre_tokenize_str
    regions: list[tuple[int, int]] = []  # code points that are treated alike, by index
    end = 0
    for _, (start, stop) in cut(SCALARS):
        regions += [(end, start)] if end < start else []
        regions.append((start, stop))
        end = stop
    regions += [(end, len(SCALARS))] if end < len(SCALARS) else []
    alone, removed = [], []
    for start, stop in regions:
        pieces = [piece for piece, _ in cut(f"a{SCALARS[start]}a")]
        if len(pieces) == 3:
            alone.append(_codes(start, stop))
        elif len(pieces) == 2:
            removed.append(_codes(start, stop))
    return tuple(alone), tuple(removed)


@functools.cache
def beside_tokens(option: str) -> tuple[Range, ...]:
    """Code points that an added token looks for at its left.

    Args:
        option: "single_word" for those that are part of a word, "lstrip" for those that are space.
    """
    from tokenizers import AddedToken, Tokenizer, models

    tokenizer = Tokenizer(models.WordLevel({"x": 0}, unk_token="x"))
    tokenizer.add_tokens([AddedToken("<t>", **{option: True}), "<end>"])
    end = int(tokenizer.token_to_id("<end>") or 0)
    usual = [0, tokenizer.token_to_id("<t>")]  # the code point, then the token
    found = []
    for start in range(0, len(SCALARS), _CHUNK):
        ids = tokenizer.encode("".join(f"{c}<t><end>" for c in SCALARS[start : start + _CHUNK])).ids
        index, place = start, 0
        while place < len(ids):
            stop = ids.index(end, place)
            if ids[place:stop] != usual:
                found.append(_codes(index, index + 1))
            index, place = index + 1, stop + 1
    return tuple(found)


@functools.cache
def stripped() -> tuple[Range, ...]:
    """Code points that the normalizer `Strip` takes for space."""
    strip = component("normalizer", {"type": "Strip", "strip_left": True, "strip_right": True}).normalize_str
    return tuple(_codes(i, i + 1) for i, c in enumerate(SCALARS) if not strip(c))


@functools.cache
def combining_classes() -> Mapping[int, int]:
    """Code points that canonical ordering moves → a number that orders them as their combining class does."""
    normalize = component("normalizer", {"type": "NFD"}).normalize_str
    changed = mapped({"type": "NFD"})
    first, last = "\u0334", "\u0345"  # of the lowest class, and of the highest

    def above(a: str, b: str) -> bool:
        return str(normalize(a + b)) == b + a

    def swapped(pairs: list[str]) -> list[bool]:
        after = normalize(_BETWEEN.join(pairs)).split(_BETWEEN)
        return [a != b for a, b in zip(pairs, after, strict=True)]

    alone = [c for c in SCALARS if ord(c) not in changed and c != _BETWEEN]
    before, behind = swapped([c + first for c in alone]), swapped([last + c for c in alone])
    marks = [c for c, moves, other in zip(alone, before, behind, strict=True) if moves or other]
    ordered: list[list[str]] = []
    for mark in marks:
        low, high = 0, len(ordered)
        while low < high:
            middle = (low + high) // 2
            if above(mark, ordered[middle][0]):
                low = middle + 1
            else:
                high = middle
        if low < len(ordered) and not above(ordered[low][0], mark):
            ordered[low].append(mark)
        else:
            ordered.insert(low, [mark])
    return {ord(mark): number for number, group in enumerate(ordered, 1) for mark in group}


@functools.cache
def canonical_pairs() -> Mapping[tuple[int, int], int]:
    """Pairs of code points that canonical composition joins → what they become."""
    compose = component("normalizer", {"type": "NFC"}).normalize_str
    pairs = {}
    for code, parts in mapped({"type": "NFD"}).items():
        text = "".join(map(chr, parts))
        if len(text) > 1 and compose(text) == chr(code):
            head = compose(text[:-1])
            pairs[ord(head), parts[-1]] = code
    return pairs


def _codes(start: int, stop: int) -> Range:
    """A range of indices into SCALARS as code points; one across the surrogates takes them in."""
    return _code(start), _code(stop - 1) + 1


def _code(index: int) -> int:
    return index if index < 0xD800 else index + 0x800
