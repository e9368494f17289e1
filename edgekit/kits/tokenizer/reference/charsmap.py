"""SentencePiece's normalization map, looked up by short grapheme clusters (UAX #29) and by code points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from edgekit.kits.tokenizer.charsmap import (
    CLOSED,
    CONSONANT,
    CONTROL,
    CR,
    EXTEND,
    JOINER,
    LEAD,
    LF,
    LINKER,
    LONGEST,
    LOOSE,
    PICTOGRAPH,
    PREPEND,
    SPACING,
    SYLLABLE,
    TRAIL,
    VOWEL,
)
from edgekit.kits.tokenizer.reference.lookup import CodeMap, Codes, Runs

_HANGUL = {
    LEAD: (LEAD, VOWEL, SYLLABLE, CLOSED),
    VOWEL: (VOWEL, TRAIL),
    SYLLABLE: (VOWEL, TRAIL),
    TRAIL: (TRAIL,),
    CLOSED: (TRAIL,),
}


def keys(numbers: Sequence[int]) -> dict[tuple[int, ...], Codes]:
    """Keys of several code points → replacements, from `count key… count value…`."""
    made, i = {}, 0
    while i < len(numbers):
        key = tuple(numbers[i + 1 : i + 1 + numbers[i]])
        i += 1 + numbers[i]
        made[key] = list(numbers[i + 1 : i + 1 + numbers[i]])
        i += 1 + numbers[i]
    return made


def normalised(codes: Codes, shapes: Runs, several: Mapping[tuple[int, ...], Codes], one: CodeMap) -> Codes:
    """A short cluster whose beginning is a key becomes that key's value; else each code point its own."""
    made: Codes = []
    for cluster in clusters(codes, shapes):
        found = None
        if len("".join(map(chr, cluster)).encode()) <= LONGEST:
            found = one.get(cluster[0])
            for n in range(2, len(cluster) + 1):
                found = several.get(tuple(cluster[:n])) if found is None else found
        made += one.apply(cluster) if found is None else found
    return made


def clusters(codes: Codes, shapes: Runs) -> Iterator[Codes]:
    """Extended grapheme clusters, but for those of regional indicators."""
    start = before = 0
    emoji = conjunct = 0  # 1: one has begun; 2: the next may join
    for i, code in enumerate(codes):
        kind = shapes[code]
        mark = kind in (EXTEND, JOINER, SPACING, LINKER, LOOSE)
        breaks = before in (CONTROL, CR, LF) or kind in (CONTROL, CR, LF)
        joins = (
            (before == CR and kind == LF)
            or (not breaks and (mark or before == PREPEND))
            or kind in _HANGUL.get(before, ())
            or (emoji == 2 and kind == PICTOGRAPH)
            or (conjunct == 2 and kind == CONSONANT)
        )
        if i and not joins:
            yield codes[start:i]
            start = i
        if kind == PICTOGRAPH:
            emoji = 1
        else:
            emoji = {JOINER: 2}.get(kind, 1) if emoji == 1 and mark and kind != SPACING else 0
        if kind == CONSONANT:
            conjunct = 1
        elif not conjunct or kind not in (EXTEND, JOINER, LINKER):
            conjunct = 0
        elif kind == LINKER:
            conjunct = 2
        before = kind
    if codes:
        yield codes[start:]
