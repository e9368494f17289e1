"""A pattern: a backtracking program over classes of code points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgekit.kits.tokenizer.reference.lookup import Codes, Runs

MATCH, SET, NOT, JUMP, EITHER = range(5)


class Matcher:
    """Filled by the lines `class`, `set` and `program` that follow its own."""

    def __init__(self) -> None:
        self.classes = Runs([])
        self.sets: list[set[int]] = []
        self.code: list[int] = []

    def parts(self, codes: Codes) -> Iterator[tuple[bool, Codes]]:
        """What matches, and what lies between, from left to right."""
        kinds = [self.classes[c] for c in codes]
        gap = i = 0
        while i < len(codes):
            end = self._end(kinds, i)
            if end < 0:
                i += 1
                continue
            if gap < i:
                yield False, codes[gap:i]
            yield True, codes[i:end]
            gap = i = end
        if gap < len(codes):
            yield False, codes[gap:]

    def _end(self, kinds: Sequence[int], start: int) -> int:
        """Where the match that begins at `start` ends; −1: there is none."""
        todo = [(0, start)]
        while todo:
            at, i = todo.pop()
            while (kind := self.code[at]) != MATCH:
                if kind == JUMP:
                    at = self.code[at + 1]
                elif kind == EITHER:
                    todo.append((self.code[at + 2], i))
                    at = self.code[at + 1]
                elif (i < len(kinds) and kinds[i] in self.sets[self.code[at + 1]]) == (kind == SET):
                    i += kind == SET
                    at += 2
                else:
                    break
            else:
                return i
        return -1
