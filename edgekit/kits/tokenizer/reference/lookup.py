"""Tables of code points, read from the integers of a line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

Codes = list[int]


class Runs:
    """Code point → class, from (length, class) pairs; nothing given: class 0."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.starts, self.kinds = [0], [0]
        if numbers:
            self.starts, self.kinds, start = [], [], 0
            for length, kind in zip(numbers[::2], numbers[1::2], strict=True):
                self.starts.append(start)
                self.kinds.append(kind)
                start += length

    def __getitem__(self, code: int) -> int:
        return self.kinds[bisect_right(self.starts, code) - 1]


class CodeMap:
    """Code point → what replaces it, from entries `gap length moving count values…`."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.starts: list[int] = []
        self.entries: list[tuple[int, int, Sequence[int]]] = []  # the end, the moving value's place, values
        i = end = 0
        while i < len(numbers):
            gap, length, moving, count = numbers[i : i + 4]
            self.starts.append(end + gap)
            end += gap + length
            self.entries.append((end, moving, numbers[i + 4 : i + 4 + count]))
            i += 4 + count

    def get(self, code: int) -> Codes | None:
        """The replacement; None for a code point that stays."""
        place = bisect_right(self.starts, code) - 1
        if place < 0 or code >= self.entries[place][0]:
            return None
        _, moving, values = self.entries[place]
        made = list(values)
        if made:
            made[moving] += code - self.starts[place]
        return made

    def apply(self, codes: Codes) -> Codes:
        """All code points replaced."""
        made: Codes = []
        for code in codes:
            value = self.get(code)
            made += [code] if value is None else value
        return made


def pairs(numbers: Sequence[int]) -> dict[tuple[int, int], int]:
    """Pairs of code points → what they join to, from differences `first second count result`."""
    made: dict[tuple[int, int], int] = {}
    first = second = result = 0
    for i in range(0, len(numbers), 4):
        first, second, result = first + numbers[i], second + numbers[i + 1], result + numbers[i + 3]
        made.update({(first, second + n): result + n for n in range(numbers[i + 2])})
    return made
