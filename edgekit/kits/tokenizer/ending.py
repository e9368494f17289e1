"""What comes around the tokens of a text, as table lines: added and special tokens, truncation, padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgekit.kits.tokenizer import numbers, probe
from edgekit.kits.tokenizer.refuse import Json, fields, refusal

TOKEN, TEXT, PAIR = range(3)
Item = tuple[int, int, int]  # kind, token id (or 0), type id
STRATEGIES = {"LongestFirst": 0, "OnlyFirst": 1, "OnlySecond": 2}
_PLAIN: tuple[list[Item], list[Item]] = ([(TEXT, 0, 0)], [(TEXT, 0, 0), (PAIR, 0, 1)])


def added_lines(tokens: Sequence[Json], normalizer: Any) -> list[str]:
    """`added <id> <normalized> <single_word> <lstrip> <rstrip> <text>` lines, and the classes they need."""
    lines: list[str] = []
    seen: set[tuple[bool, str]] = set()
    # Of two that read the same, the special one is found, and then the earlier.
    for token in sorted(tokens, key=lambda t: (not t["special"], t["id"])):
        content = token["content"]
        if token["normalized"] and normalizer is not None:
            content = normalizer.normalize_str(content)
        if not content:
            raise refusal(f"its added token {token['content']!r} is empty once normalized")
        if (token["normalized"], content) in seen:
            continue
        seen.add((token["normalized"], content))
        flags = [int(token[k]) for k in ("normalized", "single_word", "lstrip", "rstrip")]
        lines.append(" ".join(map(str, ["added", token["id"], *flags, content.encode().hex()])))
    if any(t["single_word"] for t in tokens):
        lines.append(_class_line("words", "single_word"))
    if any(t["lstrip"] or t["rstrip"] for t in tokens):
        lines.append(_class_line("spaces", "lstrip"))
    return lines


def _class_line(word: str, option: str) -> str:
    runs, _ = numbers.partition([probe.beside_tokens(option)])
    return " ".join([word, *map(str, runs)])


def template_lines(spec: Json | None) -> list[str]:
    """`single` and `pair`: the items that an encoded text, and a pair of them, is put together from."""
    single, pair = _templates(spec)
    return [
        " ".join([word, *(str(number) for item in items for number in item)])
        for word, items in (("single", single), ("pair", pair))
    ]


def special_count(spec: Json | None) -> int:
    """Special tokens that are put around a single text."""
    return sum(kind == TOKEN for kind, _, _ in _templates(spec)[0])


def _templates(spec: Json | None) -> tuple[list[Item], list[Item]]:
    if spec is None:
        return _PLAIN
    kind = spec["type"]
    if kind == "Sequence":
        parts = [p for p in fields(spec, kind, "processors")[0] if p["type"] != "ByteLevel"]
        if len(parts) > 1:
            raise refusal("it has several post-processors")
        return _templates(parts[0] if parts else None)
    if kind == "ByteLevel":  # it only moves offsets
        return _PLAIN
    if kind in ("BertProcessing", "RobertaProcessing"):
        sep, cls = (spec[name][1] for name in ("sep", "cls"))
        start, text, end = (TOKEN, cls, 0), (TEXT, 0, 0), (TOKEN, sep, 0)
        if kind == "BertProcessing":
            return [start, text, end], [start, text, end, (PAIR, 0, 1), (TOKEN, sep, 1)]
        return [start, text, end], [start, text, end, end, (PAIR, 0, 0), end]
    if kind == "TemplateProcessing":
        single, pair, special = fields(spec, kind, "single", "pair", "special_tokens")
        return _items(single, special), _items(pair, special)
    raise refusal(f"its post-processor has the part {kind}")


def _items(template: Sequence[Json], special: Mapping[str, Json]) -> list[Item]:
    made: list[Item] = []
    for part in template:
        if "Sequence" in part:
            made.append((TEXT if part["Sequence"]["id"] == "A" else PAIR, 0, part["Sequence"]["type_id"]))
        else:
            token = part["SpecialToken"]
            made += [(TOKEN, number, token["type_id"]) for number in special[token["id"]]["ids"]]
    return made


def length_lines(truncation: Json | None, padding: Json | None) -> list[str]:
    """`limit <tokens> <strategy> <from the left>` and `pad <id> <type id> <on the left>`."""
    lines = []
    if truncation is not None:
        strategy = STRATEGIES[truncation["strategy"]]
        lines.append(f"limit {truncation['max_length']} {strategy} {int(truncation['direction'] == 'Left')}")
    if padding is not None:
        left = int(padding["direction"] == "Left")
        lines.append(f"pad {padding['pad_id']} {padding['pad_type_id']} {left}")
    return lines
