"""Text, or a pair of texts → token ids and type ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from edgekit.kits.tokenizer.reference import charsmap, models, steps
from edgekit.kits.tokenizer.reference.lookup import CodeMap, Codes, Runs, pairs
from edgekit.kits.tokenizer.reference.matcher import Matcher
from edgekit.kits.tokenizer.reference.steps import Piece, Step

FindStep = Callable[[Piece], Sequence[Piece | int]]
TOKEN = 0  # an item of a template that is one token; 1 is the text, 2 its pair


@dataclass(frozen=True, slots=True)
class Added:
    """A token that is looked for in the text itself."""

    id: int
    single_word: bool
    left: bool  # takes the spaces at its left
    right: bool
    codes: Codes


class ReferenceTokenizer:
    """What the files of a kit (name → content) describe."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._steps: list[list[Step]] = [[], []]  # before normalized tokens are looked for, and after
        self._added: list[list[Added]] = [[], []]  # looked for before normalizing, and after
        self._words = self._spaces = Runs([])
        self._templates: dict[str, list[int]] = {}
        self._limit: list[int] = []
        self._read(files)

    def _read(self, files: Mapping[str, str]) -> None:
        phase, matcher = 0, Matcher()
        classes, shapes, several = Runs([]), Runs([]), dict[tuple[int, ...], Codes]()
        for line in files["tokenizer.txt"].split("\n")[:-1]:
            word, *rest = line.split(" ")
            add = self._steps[phase].append
            match word:
                case "map":
                    add(steps.mapping(CodeMap(_ints(rest))))
                case "order":
                    classes = Runs(_ints(rest))
                    add(steps.order(classes))
                case "compose":
                    add(steps.compose(pairs(_ints(rest)), classes))
                case "graphemes":
                    shapes = Runs(_ints(rest))
                case "clusters":
                    several = charsmap.keys(_ints(rest))
                case "precompiled":
                    add(steps.precompiled(shapes, several, CodeMap(_ints(rest))))
                case "strip":
                    add(steps.strip(rest[0] == "1", rest[1] == "1", Runs(_ints(rest[2:]))))
                case "prepend":
                    add(steps.prepend(_text(rest[0]), rest[1]))
                case "replace":
                    matcher = Matcher()
                    add(steps.replace(matcher, _text(rest[0])))
                case "split":
                    matcher = Matcher()
                    add(steps.split(matcher, int(rest[0])))
                case "class":
                    matcher.classes = Runs(_ints(rest))
                case "set":
                    matcher.sets.append(set(_ints(rest)))
                case "program":
                    matcher.code = _ints(rest)
                case "bytes":
                    add(steps.spell(_ints(rest)))
                case "pieces":
                    phase = 1
                case "added":
                    number, normalized, single, left, right = _ints(rest[:5])
                    token = Added(number, bool(single), bool(left), bool(right), _text(rest[5]))
                    self._added[normalized].append(token)
                case "words":
                    self._words = Runs(_ints(rest))
                case "spaces":
                    self._spaces = Runs(_ints(rest))
                case "single" | "pair":
                    self._templates[word] = _ints(rest)
                case "limit":
                    self._limit = _ints(rest)
                case "model":
                    self._model = models.model(rest, files)

    def encode(self, text: str, pair: str | None = None) -> tuple[list[int], list[int]]:
        """Token ids and type ids, special tokens included, cut to the limit.

        Raises:
            ValueError: the text that may be cut is too short to make room for the rest.
        """
        parts = [self._tokens(part) for part in (text, pair) if part is not None]
        template = self._templates["single" if pair is None else "pair"]
        items = [template[i : i + 3] for i in range(0, len(template), 3)]
        if self._limit:
            self._cut(parts, self._limit[0] - sum(kind == TOKEN for kind, _, _ in items))
        ids: list[int] = []
        types: list[int] = []
        for kind, number, type_id in items:
            made = [number] if kind == TOKEN else parts[kind - 1]
            ids += made
            types += [type_id] * len(made)
        return ids, types

    def _cut(self, parts: list[list[int]], room: int) -> None:
        _, strategy, from_left = self._limit
        if room < 0:
            raise ValueError("The special tokens alone are more than the limit.")
        lengths = [len(part) for part in parts]
        over = sum(lengths) - room
        if over <= 0:
            return
        if room == 0:
            lengths = [0] * len(parts)
        elif strategy == 0 and len(parts) == 2:  # the longer one gives until they are even, then both
            short = int(lengths[0] > lengths[1])
            long = 1 - short
            lengths[long] = max(lengths[short], room - lengths[short])
            if sum(lengths) > room:
                lengths[short], lengths[long] = room // 2, room - room // 2
        else:
            gives = int(strategy == 2)
            if gives >= len(parts) or lengths[gives] <= over:
                raise ValueError("The text that may be cut is too short to make room for the rest.")
            lengths[gives] -= over
        parts[:] = [p[len(p) - n :] if from_left else p[:n] for p, n in zip(parts, lengths, strict=True)]

    def _tokens(self, text: str) -> list[int]:
        pieces: list[Piece | int] = [Piece([ord(c) for c in text], first=True)] if text else []
        for tokens, of_phase in zip(self._added, self._steps, strict=True):
            find: FindStep = partial(_found, tokens, self._words, self._spaces)
            for step in (find, *of_phase):
                pieces = [p for piece in pieces for p in ([piece] if isinstance(piece, int) else step(piece))]
                pieces = [p for p in pieces if isinstance(p, int) or p.codes]
        return [i for p in pieces for i in ([p] if isinstance(p, int) else self._model(p.codes))]


def _ints(words: Sequence[str]) -> list[int]:
    return [int(word) for word in words]


def _text(word: str) -> Codes:
    return [] if word == "-" else [ord(c) for c in bytes.fromhex(word).decode()]


def _found(tokens: Sequence[Added], words: Runs, spaces: Runs, piece: Piece) -> Sequence[Piece | int]:
    """A piece around the added tokens in it: the leftmost first, of those the longest."""
    codes = piece.codes
    starting: dict[int, list[Added]] = {}
    for token in tokens:
        starting.setdefault(token.codes[0], []).append(token)
    made: list[Piece | int] = []
    done = i = 0  # `done`: where the last one's spaces end
    while i < len(codes):
        here = [t for t in starting.get(codes[i], ()) if codes[i : i + len(t.codes)] == t.codes]
        if not here:
            i += 1
            continue
        token = max(here, key=lambda t: len(t.codes))
        start, end = i, i + len(token.codes)
        i = end
        joins_left = start > 0 and words[codes[start - 1]]
        joins_right = end < len(codes) and words[codes[end]]
        if token.single_word and (joins_left or joins_right):
            continue
        while token.left and start > done and spaces[codes[start - 1]]:
            start -= 1
        while token.right and end < len(codes) and spaces[codes[end]]:
            end += 1
        if done < start:
            made.append(Piece(codes[done:start], piece.first and done == 0))
        made.append(token.id)
        done = end
    if done < len(codes):
        made.append(Piece(codes[done:], piece.first and done == 0))
    return made
