"""WordPiece, BPE and Unigram: the code points of a piece → token ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from edgekit.kits.tokenizer.reference.lookup import Codes

Model = Callable[[Codes], list[int]]


def model(words: Sequence[str], files: Mapping[str, str]) -> Model:
    """The model of the line `model <words>`."""
    kind, *rest = words
    tokens = {_unescaped(line): i for i, line in enumerate(files["vocab.txt"].split("\n")[:-1])}
    tokens.pop("", None)  # an id without a token
    if kind == "wordpiece":
        prefix = "" if rest[2] == "-" else bytes.fromhex(rest[2]).decode()
        return _word_piece(tokens, int(rest[0]), int(rest[1]), prefix)
    if kind == "bpe":
        unknown, fuse, fallback, whole = map(int, rest)
        return _bpe(tokens, files["merges.txt"], unknown, bool(fuse), bool(fallback), bool(whole))
    scores = list(map(float, files["scores.txt"].split("\n")[:-1]))
    return _unigram(tokens, scores, int(rest[0]), rest[1] == "1", float(rest[2]))


def _unescaped(line: str) -> str:
    if "\\" not in line:
        return line
    parts = line.split("\\\\")
    return "\\".join(part.replace("\\n", "\n").replace("\\r", "\r") for part in parts)


def _word_piece(tokens: Mapping[str, int], unknown: int, longest: int, prefix: str) -> Model:
    """The longest token at each place; one place without any makes the whole word unknown."""

    def ids(codes: Codes) -> list[int]:
        if len(codes) > longest:
            return [unknown]
        text = "".join(map(chr, codes))
        made: list[int] = []
        start = 0
        while start < len(text):
            end = len(text)
            while end > start and (prefix if start else "") + text[start:end] not in tokens:
                end -= 1
            if end == start:
                return [unknown]
            made.append(tokens[(prefix if start else "") + text[start:end]])
            start = end
        return made

    return ids


def _bpe(
    tokens: Mapping[str, int], content: str, unknown: int, fuse: bool, fallback: bool, whole: bool
) -> Model:
    """Symbols, of which the pair with the lowest rank is merged, the leftmost first, until none is left."""
    rank: dict[tuple[int, int], int] = {}
    merged: list[int] = []
    for line in content.split("\n")[:-1]:
        left, right, difference = map(int, line.split(" "))
        rank[left, right] = len(merged)
        merged.append((merged[-1] if merged else 0) + difference)
    none = len(merged)

    def symbols(text: str) -> list[int]:
        """An unknown symbol waits, so that it can be fused with the next; without an id it is dropped."""
        made: list[int] = []
        waiting = False
        for character in text:
            if character in tokens:
                made += [unknown, tokens[character]] if waiting else [tokens[character]]
                waiting = False
                continue
            names = [f"<0x{byte:02X}>" for byte in character.encode()]
            if fallback and all(name in tokens for name in names):
                made += [tokens[name] for name in names]
            elif unknown >= 0:
                made += [unknown] if waiting and not fuse else []
                waiting = True
        return [*made, unknown] if waiting else made

    def ids(codes: Codes) -> list[int]:
        text = "".join(map(chr, codes))
        if whole and text in tokens:
            return [tokens[text]]
        made = symbols(text)
        ranks = [rank.get(pair, none) for pair in pairwise(made)]
        while ranks and (best := min(ranks)) < none:
            made, ranks = merge(made, ranks, best)
        return made

    def merge(made: list[int], ranks: list[int], best: int) -> tuple[list[int], list[int]]:
        """Merges pairs of one rank from the left, until one makes a new pair that comes before the rest."""
        after: list[int] = []
        ranks_after: list[int] = []
        new = stop = False
        i = 0
        while i < len(made):
            merges = not stop and i < len(ranks) and ranks[i] == best
            symbol = merged[best] if merges else made[i]
            if after:
                ranks_after.append(rank.get((after[-1], symbol), none) if merges or new else ranks[i - 1])
                stop = stop or (merges and ranks_after[-1] <= best)
            after.append(symbol)
            i += 1 + merges
            stop = stop or (merges and i < len(made) and rank.get((symbol, made[i]), none) <= best)
            new = merges
        return after, ranks_after

    return ids


def _unigram(
    tokens: Mapping[str, int], scores: Sequence[float], unknown: int, fallback: bool, least: float
) -> Model:
    """The path of tokens with the best sum of scores; of equal ones the first found (Viterbi)."""
    longest = max(map(len, tokens), default=0)

    def ids(codes: Codes) -> list[int]:
        text = "".join(map(chr, codes))
        best = [0.0] * (len(text) + 1)
        start_of, token_at = [-1] * (len(text) + 1), [unknown] * (len(text) + 1)

        def offer(start: int, end: int, score: float, token: int) -> None:
            if start_of[end] < 0 or best[start] + score > best[end]:
                best[end], start_of[end], token_at[end] = best[start] + score, start, token

        for start in range(len(text)):
            for end in range(start + 1, min(start + longest, len(text)) + 1):
                token = tokens.get(text[start:end])
                if token is not None:
                    offer(start, end, scores[token], token)
            if text[start] not in tokens:
                offer(start, start + 1, least - 10.0, unknown)
        pieces: list[tuple[bool, int, int]] = []  # neighbouring unknown ones are one piece
        end = len(text)
        while end > 0:
            start, is_unknown = start_of[end], token_at[end] == unknown
            if is_unknown and pieces and pieces[-1][0]:
                pieces[-1] = True, start, pieces[-1][2]
            else:
                pieces.append((is_unknown, start, end))
            end = start
        made: list[int] = []
        for _, start, end in reversed(pieces):
            part = text[start:end]
            names = [f"<0x{byte:02X}>" for byte in part.encode()]
            if part in tokens:
                made.append(tokens[part])
            elif fallback and all(name in tokens for name in names):
                made += [tokens[name] for name in names]
            else:
                made.append(unknown)
        return made

    return ids
