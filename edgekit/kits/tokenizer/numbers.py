"""Code points as short lists of integers: class tables and mappings. docs/kit-tokenizer.md has the format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

END = 0x110000
Range = tuple[int, int]  # first code point, and the one after the last
Mapped = Mapping[int, tuple[int, ...]]  # code point → what replaces it; absent: itself


def partition(sets: Sequence[Sequence[Range]]) -> tuple[list[int], list[list[int]]]:
    """Classes of code points that no set tells apart.

    Args:
        sets: each the disjoint ranges of one set.

    Returns:
        (length, class) pairs that cover all code points, and for each set the classes in it.
    """
    edges = sorted({0, END, *(edge for ranges in sets for span in ranges for edge in span)})
    inside: dict[int, set[int]] = {edge: set() for edge in edges}
    for number, ranges in enumerate(sets):
        at = {edge: i for i, edge in enumerate(edges)}
        for start, end in ranges:
            for i in range(at[start], at[end]):
                inside[edges[i]].add(number)
    numbers: dict[frozenset[int], int] = {frozenset(): 0}
    ids = {edge: numbers.setdefault(frozenset(inside[edge]), len(numbers)) for edge in edges[:-1]}
    spans = ((end - start, ids[start]) for start, end in pairwise(edges))
    members = [[i for key, i in numbers.items() if number in key] for number in range(len(sets))]
    return _merged(spans), members


def classes(of: Mapping[int, int]) -> list[int]:
    """(length, class) pairs that cover all code points; what `of` doesn't name has class 0."""
    spans, next_one = [], 0
    for code in sorted(of):
        spans += [(code - next_one, 0), (1, of[code])]
        next_one = code + 1
    return _merged([*spans, (END - next_one, 0)])


def _merged(spans: Iterable[tuple[int, int]]) -> list[int]:
    made: list[int] = []
    for length, kind in spans:
        if length and made and made[-1] == kind:
            made[-2] += length
        elif length:
            made += [length, kind]
    return made


def mapping(entries: Mapped) -> list[int]:
    """Entries `gap length moving count value…`: along a range, value number `moving` counts up."""
    made: list[int] = []
    end = 0
    codes = sorted(entries)
    i = 0
    while i < len(codes):
        start = codes[i]
        first = entries[start]
        moving, length = 0, 1
        for candidate in range(max(1, len(first))):
            run = 1
            while i + run < len(codes) and codes[i + run] == start + run:
                value = tuple(v + run * (n == candidate) for n, v in enumerate(first))
                if entries[start + run] != value:
                    break
                run += 1
            if run > length:
                moving, length = candidate, run
        made += [start - end, length, moving, len(first), *first]
        end = start + length
        i += length
    return made


def composed(first: Mapped, then: Mapped) -> dict[int, tuple[int, ...]]:
    """One mapping that does what both do, one after the other."""
    made = {code: value for code, value in then.items() if code not in first}
    for code, middle in first.items():
        made[code] = tuple(v for m in middle for v in then.get(m, (m,)))
    return {code: value for code, value in made.items() if value != (code,)}


def compositions(pairs: Mapping[tuple[int, int], int]) -> list[int]:
    """Entries `first second count result`: `second + i` joins to `result + i`; differences but for counts."""
    made: list[int] = []
    before = (0, 0, 0)
    run: list[int] = []
    for (first, second), result in sorted(pairs.items()):
        if run and (first, second, result) == (run[0], run[1] + run[2], run[3] + run[2]):
            run[2] += 1
            made[-2] += 1
            continue
        run = [first, second, 1, result]
        made += [first - before[0], second - before[1], 1, result - before[2]]
        before = (first, second, result)
    return made
