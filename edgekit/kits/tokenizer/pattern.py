"""Regular expressions of tokenizers → a backtracking program over classes of code points.

The subset is what published tokenizers split with: alternatives, groups, classes, greedy and possessive
quantifiers and a negative lookahead at one class. A kit runs the program (instructions tried in order, as in
Cox's "Regular Expression Matching: the Virtual Machine Approach", 2009) and needs no regular expression
engine, whose classes would be those of the device's Unicode version.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.errors import ExportError
from edgekit.kits.tokenizer import numbers, probe
from edgekit.kits.tokenizer.numbers import END, Range

MATCH, SET, NOT, JUMP, EITHER = range(5)
Ranges = tuple[Range, ...]
_PROPERTY = re.compile(r"\\[pP]\{\^?[A-Za-z_ ]+\}|\\[pP][A-Z]|\\[sSdDwW]")
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_QUANTITY = re.compile(r"([?*+]|\{(\d+)?(,)?(\d+)?\})")


@dataclass(frozen=True, slots=True)
class Node:
    """`set` and `not` hold ranges, `all` and `any` hold nodes, `many` repeats its one node."""

    kind: str
    parts: tuple[Node, ...] = ()
    ranges: Ranges = ()
    least: int = 1
    most: int | None = 1


def program(node: Node) -> list[str]:
    """Lines of a kit's table: `class` (runs), one `set` per set of code points, and `program`."""
    sets: list[Ranges] = []
    code: list[list[int]] = []
    _emit(node, code, sets)
    code.append([MATCH])
    runs, members = numbers.partition(sets)
    starts = [sum(map(len, code[:i])) for i in range(len(code))]
    for instruction in code:
        if instruction[0] in (JUMP, EITHER):
            instruction[1:] = [starts[target] for target in instruction[1:]]
    lines = [_line("class", runs), *(_line("set", ids) for ids in members)]
    return [*lines, _line("program", [number for instruction in code for number in instruction])]


def _line(word: str, values: Sequence[int]) -> str:
    return " ".join([word, *map(str, values)])


def _emit(node: Node, code: list[list[int]], sets: list[Ranges]) -> None:
    if node.kind in ("set", "not"):
        if node.ranges not in sets:
            sets.append(node.ranges)
        code.append([SET if node.kind == "set" else NOT, sets.index(node.ranges)])
    elif node.kind == "all":
        for part in node.parts:
            _emit(part, code, sets)
    elif node.kind == "any":
        jumps = []
        for part in node.parts[:-1]:
            fork = [EITHER, len(code) + 1, 0]
            code.append(fork)
            _emit(part, code, sets)
            jumps.append([JUMP, 0])
            code.append(jumps[-1])
            fork[2] = len(code)
        _emit(node.parts[-1], code, sets)
        for jump in jumps:
            jump[1] = len(code)
    else:
        (part,) = node.parts
        for _ in range(node.least):
            _emit(part, code, sets)
        forks = []
        for _ in range((node.most - node.least) if node.most is not None else 1):
            here = len(code)
            forks.append([EITHER, here + 1, 0])
            code.append(forks[-1])
            _emit(part, code, sets)
            if node.most is None:
                code.append([JUMP, here])
        for fork in forks:
            fork[2] = len(code)


def one_of(ranges: Ranges) -> Node:
    """One code point of the ranges."""
    return Node("set", ranges=ranges)


def none_of(ranges: Ranges) -> Ranges:
    """The other code points."""
    edges = [0, *(edge for span in _joined(ranges) for edge in span), END]
    return tuple((a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b)


def runs_of(ranges: Ranges) -> Node:
    """One or more code points of the ranges."""
    return Node("many", (one_of(ranges),), most=None)


def any_of(*nodes: Node) -> Node:
    """The first that matches."""
    return Node("any", nodes)


def text(content: str) -> Node:
    """Exactly this text."""
    return Node("all", tuple(one_of(((ord(c), ord(c) + 1),)) for c in content))


def parse(pattern: str, where: str) -> Node:
    """A regular expression in Oniguruma's syntax.

    Raises:
        ExportError: the pattern is outside the subset.
    """
    reader = _Reader(pattern, where)
    node = reader.alternatives(False)
    if reader.at < len(pattern) or _least(node) == 0:
        raise reader.refusal()
    return node


def _least(node: Node) -> int:
    """Fewest code points that a node matches."""
    counts = [_least(part) for part in node.parts]
    if node.kind == "many":
        return counts[0] * node.least
    return {"set": 1, "not": 0}.get(node.kind, sum(counts) if node.kind == "all" else min(counts, default=0))


def _joined(ranges: Sequence[Range]) -> Ranges:
    made: list[Range] = []
    for start, end in sorted(ranges):
        if made and start <= made[-1][1]:
            made[-1] = made[-1][0], max(end, made[-1][1])
        else:
            made.append((start, end))
    return tuple(made)


@functools.cache
def _foldings() -> frozenset[str]:
    """Letter pairs and triples that one code point can stand for when case is ignored."""
    return frozenset(c.casefold() for c in probe.SCALARS if len(c.casefold()) > 1)


class _Reader:
    def __init__(self, pattern: str, where: str) -> None:
        self.pattern, self.where, self.at = pattern, where, 0

    def refusal(self) -> ExportError:
        return ExportError(
            f"{self.where} of the tokenizer has the regular expression {self.pattern!r}, which a kit can't "
            f"reproduce from character {self.at + 1} on.",
            remedy="Use a model whose tokenizer splits by simpler classes and repetitions, or call this one "
            "from Python.",
        )

    def take(self, expected: str) -> bool:
        found = self.pattern.startswith(expected, self.at)
        self.at += len(expected) * found
        return found

    def alternatives(self, ignore_case: bool) -> Node:
        found = [self.sequence(ignore_case)]
        while self.take("|"):
            found.append(self.sequence(ignore_case))
        return found[0] if len(found) == 1 else Node("any", tuple(found))

    def sequence(self, ignore_case: bool) -> Node:
        parts: list[Node] = []
        literal = ""
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            before = self.at
            atom = self.atom(ignore_case)
            literal = literal + self.pattern[before : self.at] if ignore_case else ""
            if any(folded in literal.casefold() for folded in (_foldings() if literal else ())):
                raise self.refusal()
            parts.append(self.quantified(atom))
        return parts[0] if len(parts) == 1 else Node("all", tuple(parts))

    def quantified(self, atom: Node) -> Node:
        found = _QUANTITY.match(self.pattern, self.at)
        if not found:
            return atom
        self.at = found.end()
        mark, low, comma, high = found.groups()
        if mark in ("?", "*", "+"):
            least, most = {"?": (0, 1), "*": (0, None), "+": (1, None)}[mark]
        elif low:
            least, most = int(low), int(high) if high else None if comma else int(low)
        else:  # engines disagree on what {,3} means
            raise self.refusal()
        possessive = mark in ("?", "*", "+") and self.take("+")
        if self.pattern[self.at : self.at + 1] in ("?", "*", "+", "{") or _least(atom) == 0:
            raise self.refusal()
        if not possessive:
            return Node("many", (atom,), least=least, most=most)
        if atom.kind != "set":
            raise self.refusal()
        end = Node("not", ranges=atom.ranges)  # never gives back = no further one follows
        if mark == "?":
            return Node("any", (atom, end))
        return Node("all", (Node("many", (atom,), least=least, most=None), end))

    def atom(self, ignore_case: bool) -> Node:
        if self.take("(?!"):
            inner = self.alternatives(ignore_case)
            if inner.kind != "set" or not self.take(")"):
                raise self.refusal()
            return Node("not", ranges=inner.ranges)
        if self.take("$"):  # before a line feed or at the end
            return Node("not", ranges=none_of(((10, 11),)))
        for opening, case in (("(?i:", True), ("(?:", ignore_case), ("(", ignore_case)):
            if self.take(opening):
                if self.pattern[self.at : self.at + 1] == "?":
                    raise self.refusal()
                inner = self.alternatives(case)
                if not self.take(")"):
                    raise self.refusal()
                return inner
        if self.pattern[self.at] == "[":
            return one_of(self.bracket(ignore_case))
        ranges = self.simple()
        if ignore_case:
            (start, end), *more = ranges
            if more or end - start != 1:
                raise self.refusal()
            ranges = probe.matching(f"(?i:{re.escape(chr(start))})")
        return one_of(ranges)

    def simple(self, special: str = ".^$*+?{})") -> Ranges:
        """A property, an escaped character or a plain one."""
        found = _PROPERTY.match(self.pattern, self.at)
        if found:
            self.at = found.end()
            name = found.group()
            if name[1] in "PSDW" and "^" not in name:
                return none_of(probe.matching(name[0] + name[1].lower() + name[2:]))
            return probe.matching(name)
        character = self.pattern[self.at]
        self.at += 1
        if character == "\\":
            escaped = self.pattern[self.at : self.at + 1]
            if not escaped or (escaped.isalnum() and escaped not in _PLAIN):
                raise self.refusal()
            self.at += 1
            character = _PLAIN.get(escaped, escaped)
        elif character in special:
            raise self.refusal()
        return ((ord(character), ord(character) + 1),)

    def bracket(self, ignore_case: bool) -> Ranges:
        before = self.at
        self.take("[")
        inverted = self.take("^")
        ranges: list[Range] = []
        while not self.take("]"):
            rest = self.pattern[self.at :]
            if not rest or rest[0] == "[" or rest.startswith("&&"):
                raise self.refusal()
            found = self.simple(special="")
            if self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                last = self.simple(special="[")
                if len(found) != 1 or len(last) != 1:
                    raise self.refusal()
                found = ((found[0][0], last[0][1]),)
            ranges += found
        if ignore_case and any(end > 0x80 for _, end in ranges):
            raise self.refusal()
        if ignore_case:
            return probe.matching(f"(?i:{self.pattern[before : self.at]})")
        return none_of(tuple(ranges)) if inverted else _joined(ranges)
