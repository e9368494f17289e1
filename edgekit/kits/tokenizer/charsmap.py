"""SentencePiece's precompiled normalization map, and the grapheme clusters that it is applied to.

A map is a double-array trie (Darts-clone) from UTF-8 keys to replacements. `tokenizers` looks up a whole
grapheme cluster when it is shorter than six bytes, by its shortest prefix that is a key, and else every code
point. Clusters come from a library's version of UAX #29, so its classes are probed too: with a map of our own
that turns each cluster that short into one mark.
"""

from __future__ import annotations

import base64
import functools
import struct
from collections.abc import Iterator, Mapping

from edgekit.kits.tokenizer import numbers, probe

LONGEST = 5  # bytes of a cluster that is looked up whole
# Classes as the kits know them; 0 is any other code point.
CONTROL, CR, LF, EXTEND, JOINER, SPACING, PREPEND, LEAD, VOWEL, TRAIL, SYLLABLE, CLOSED = range(1, 13)
PICTOGRAPH, CONSONANT, LINKER, LOOSE = range(13, 17)  # LOOSE: extends, but ends a conjunct


def precompiled(charsmap: str) -> list[str]:
    """Lines of a kit's table for a `Precompiled` normalizer, whose map is given in base64."""
    blob = base64.b64decode(charsmap)
    singles: dict[int, tuple[int, ...]] = {}
    clusters: list[int] = []
    for key, value in sorted(entries(blob)):
        text, codes = key.decode(), tuple(map(ord, value.decode()))
        if len(text) == 1:
            singles[ord(text)] = codes
        elif len(key) <= LONGEST:
            clusters += [len(text), *map(ord, text), len(codes), *codes]
    runs = numbers.classes(grapheme_classes())
    return [
        " ".join(["graphemes", *map(str, runs)]),
        " ".join(["clusters", *map(str, clusters)]),
        " ".join(["precompiled", *map(str, numbers.mapping(singles))]),
    ]


def entries(blob: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and replacements of a map."""
    (size,) = struct.unpack_from("<I", blob)
    units = struct.unpack_from(f"<{size // 4}I", blob, 4)
    values = blob[4 + size :]
    todo = [(b"", _offset(units[0]))]
    while todo:
        key, base = todo.pop()
        for byte in range(1, 256):
            place = base ^ byte
            if place < len(units) and units[place] & 0x800000FF == byte:
                child = place ^ _offset(units[place])
                if units[place] >> 8 & 1:
                    start = units[child] & 0x7FFFFFFF
                    yield key + bytes([byte]), values[start : values.index(b"\0", start)]
                todo.append((key + bytes([byte]), child))


def _offset(unit: int) -> int:
    return unit >> 10 << ((unit & 1 << 9) >> 6)


_SEPARATOR = "\x01"  # a control character, so a cluster of its own


def _marking() -> str:
    """A map that turns every cluster, by its first byte, into X, and the separator into N."""
    units = [0] * 1024
    units[0] = 256 << 10
    for byte in range(1, 256):
        place = 256 ^ byte
        leaf = 513 if byte == ord(_SEPARATOR) else 512
        units[place] = (place ^ leaf) << 10 | 1 << 8 | byte
    units[512], units[513] = 1 << 31 | 0, 1 << 31 | 2
    return base64.b64encode(struct.pack("<I1024I", 4096, *units) + b"X\0N\0").decode()


def _passing(of: str, before: str, after: str, want: int) -> set[str]:
    """Code points that make `want` marks between two texts: a cluster too long to be looked up whole has one
    mark per code point, a short one has one in all."""
    marker = probe.component("normalizer", {"type": "Precompiled", "precompiled_charsmap": _marking()})
    texts = [before + c + after for c in of]
    marks = marker.normalize_str(_SEPARATOR.join(texts)).split("N")
    return {c for c, part in zip(of, marks, strict=True) if len(part) == want}


@functools.cache
def grapheme_classes() -> Mapping[int, int]:
    """Code points whose class can decide how a short cluster is cut out → that class.

    Regional indicators are left out: a cluster of two has eight bytes, and one alone is looked up in either
    case.
    """
    acute, pictograph, ka, virama = "\u0301", "\u2122", "\u0915", "\u094d"
    lead_vowel, trail = "\u1161", "\u11a8"
    every = probe.SCALARS.replace(_SEPARATOR, "")
    joins = _passing(every, "a", "", 1) - {"\n", "\r", "\u200d"}
    marks = "".join(sorted(joins))
    rest = "".join(c for c in every if c not in joins)
    emoji_goes_on = _passing(marks, pictograph, "\u200d" + pictograph + acute, 5)
    conjunct_goes_on = _passing(marks, ka, virama + ka + acute, 5)
    found = dict.fromkeys(joins, SPACING)
    found |= dict.fromkeys(joins & emoji_goes_on, LOOSE)
    found |= dict.fromkeys(joins & emoji_goes_on & conjunct_goes_on, EXTEND)
    found |= dict.fromkeys(_passing(marks, ka, ka + acute, 4), LINKER)
    before_vowel = _passing(rest, "", lead_vowel + acute, 3)
    before_trail = _passing(rest, "", trail + acute, 3)
    both = "".join(before_vowel & before_trail)
    found |= dict.fromkeys(before_vowel - before_trail, LEAD)
    found |= dict.fromkeys(both, SYLLABLE) | dict.fromkeys(_passing(both, lead_vowel, acute, 3), VOWEL)
    only = "".join(before_trail - before_vowel)
    found |= dict.fromkeys(only, CLOSED) | dict.fromkeys(_passing(only, trail, acute, 3), TRAIL)
    found |= dict.fromkeys(_passing(rest, "", virama + ka + acute, 4), CONSONANT)
    found |= dict.fromkeys(_passing(rest, "", "\u200d" + pictograph + acute, 4), PICTOGRAPH)
    found |= dict.fromkeys(_passing(rest, "", acute * 2, 2), CONTROL)
    found |= dict.fromkeys(_passing(rest, "", "a", 1), PREPEND)
    found |= {"\r": CR, "\n": LF, "\u200d": JOINER, _SEPARATOR: CONTROL}
    return {ord(c): kind for c, kind in found.items()}
