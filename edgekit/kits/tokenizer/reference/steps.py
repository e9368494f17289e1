"""The steps of a table: each takes one piece of text and gives its pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgekit.kits.tokenizer.reference import charsmap
from edgekit.kits.tokenizer.reference.lookup import CodeMap, Codes, Runs
from edgekit.kits.tokenizer.reference.matcher import Matcher


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text that is still code points; `first`: the original text begins with it."""

    codes: Codes
    first: bool


Step = Callable[[Piece], Sequence[Piece]]


def on_codes(change: Callable[[Codes], Codes]) -> Step:
    """A step that changes code points only."""
    return lambda piece: [Piece(change(piece.codes), piece.first)]


def mapping(table: CodeMap) -> Step:
    """`map`: a piece that loses its first code point no longer begins the text."""
    return lambda piece: [Piece(table.apply(piece.codes), piece.first and table.get(piece.codes[0]) != [])]


def order(classes: Runs) -> Step:
    """`order`: canonical ordering, which sorts code points between those of class 0."""

    def ordered(codes: Codes) -> Codes:
        made: Codes = []
        start = 0
        for i in range(len(codes) + 1):
            if i == len(codes) or not classes[codes[i]]:
                made += [*sorted(codes[start:i], key=lambda c: classes[c]), *codes[i : i + 1]]
                start = i + 1
        return made

    return on_codes(ordered)


def compose(joined: Mapping[tuple[int, int], int], classes: Runs) -> Step:
    """`compose`: canonical composition with the last code point of class 0, unless something blocks it."""

    def composed(codes: Codes) -> Codes:
        made: Codes = []
        starter = -1
        for code in codes:
            kind = classes[code]
            blocked = starter < 0 or (starter < len(made) - 1 and classes[made[-1]] >= kind)
            both = None if blocked else joined.get((made[starter], code))
            if both is not None:
                made[starter] = both
                continue
            made.append(code)
            if kind == 0:
                starter = len(made) - 1
        return made

    return on_codes(composed)


def strip(left: bool, right: bool, spaces: Runs) -> Step:
    """`strip`: without the spaces around it."""

    def stripped(piece: Piece) -> Sequence[Piece]:
        start, end = 0, len(piece.codes)
        while left and start < end and spaces[piece.codes[start]]:
            start += 1
        while right and end > start and spaces[piece.codes[end - 1]]:
            end -= 1
        return [Piece(piece.codes[start:end], piece.first and start == 0)]

    return stripped


def prepend(content: Codes, when: str) -> Step:
    """`prepend`: "always", "unless" it is there, or "first": unless it is there, where the text begins."""

    def prepended(piece: Piece) -> Sequence[Piece]:
        there = piece.codes[: len(content)] == content
        if when != "always" and (there or (when == "first" and not piece.first)):
            return [piece]
        return [Piece(content + piece.codes, piece.first)]

    return prepended


def replace(matcher: Matcher, content: Codes) -> Step:
    """`replace`: the content for every match."""
    return on_codes(
        lambda codes: [c for found, part in matcher.parts(codes) for c in (content if found else part)]
    )


def split(matcher: Matcher, mode: int) -> Step:
    """`split`: matches (1), what lies between (2), or both (3) as pieces."""

    def cut(piece: Piece) -> Sequence[Piece]:
        made, first = [], piece.first
        for found, part in matcher.parts(piece.codes):
            if mode & (1 if found else 2):
                made.append(Piece(part, first))
            first = False
        return made

    return cut


def precompiled(shapes: Runs, several: Mapping[tuple[int, ...], Codes], one: CodeMap) -> Step:
    """`precompiled`: SentencePiece's map."""
    return on_codes(lambda codes: charsmap.normalised(codes, shapes, several, one))


def spell(alphabet: Codes) -> Step:
    """`bytes`: every byte of the UTF-8 text as the code point that stands for it."""
    return on_codes(lambda codes: [alphabet[byte] for byte in "".join(map(chr, codes)).encode()])
