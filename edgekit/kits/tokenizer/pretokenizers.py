"""A tokenizer.json's pre-tokenizer → steps that split by classes of code points."""

from __future__ import annotations

import json

from edgekit.kits.tokenizer import probe
from edgekit.kits.tokenizer.pattern import (
    Node,
    Ranges,
    any_of,
    none_of,
    one_of,
    parse,
    program,
    runs_of,
    text,
)
from edgekit.kits.tokenizer.refuse import Json, fields, refusal

MATCHES, GAPS = 1, 2  # what becomes a piece
# https://github.com/openai/gpt-2/blob/master/src/encoder.py
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_BY_ROLE = ("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Punctuation", "Digits")


def pre_tokenizer_lines(spec: Json | None) -> list[str]:
    """Lines of a kit's table, in the order of their steps."""
    lines = _steps(spec) if spec else []
    if "bytes" in [line.split(" ")[0] for line in lines[:-1]]:
        raise refusal("its pre-tokenizer goes on after ByteLevel")
    return lines


def _steps(spec: Json) -> list[str]:
    kind = spec["type"]
    if kind == "Sequence":
        return [line for part in fields(spec, kind, "pretokenizers")[0] for line in _steps(part)]
    if kind == "ByteLevel":
        space, by_regex, _ = fields(spec, kind, "add_prefix_space", "use_regex", "trim_offsets")
        lines = ["prepend 20 unless"] if space else []
        lines += split(MATCHES | GAPS, parse(_GPT2, kind)) if by_regex else []
        return [*lines, " ".join(["bytes", *map(str, byte_alphabet())])]
    if kind == "Metaspace":
        mark, scheme, cut = fields(spec, kind, "replacement", "prepend_scheme", "split")
        lines = [f"replace {mark.encode().hex()}", *program(text(" "))]
        if scheme != "never":
            lines.append(f"prepend {mark.encode().hex()} {'first' if scheme == 'first' else 'unless'}")
        return lines + (_cut(_ranges(mark), "MergedWithNext") if cut else [])
    if kind == "CharDelimiterSplit":
        return _cut(_ranges(fields(spec, kind, "delimiter")[0]), "Removed")
    if kind == "Split":
        return _split(spec)
    if kind in _BY_ROLE:
        return _by_role(spec)
    raise refusal(f"its pre-tokenizer has the part {kind}")


def split(mode: int, node: Node) -> list[str]:
    """A split into pieces: what matches, what lies between, or both."""
    return [f"split {mode}", *program(node)]


def byte_alphabet() -> list[int]:
    """The printable code point that stands for each byte in a byte-level vocabulary; 0: not in UTF-8."""
    spec = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False, "trim_offsets": False}
    every = probe.SCALARS[:0x800] + probe.SCALARS[0x800::997]  # every byte that UTF-8 has
    ((piece, _),) = probe.component("pre_tokenizer", spec).pre_tokenize_str(every)
    stands = dict(zip(every.encode(), map(ord, piece), strict=True))
    return [stands.get(byte, 0) for byte in range(256)]


def _split(spec: Json) -> list[str]:
    pattern, behavior, invert = fields(spec, "Split", "pattern", "behavior", "invert")
    node = parse(pattern["Regex"], "Split") if "Regex" in pattern else text(pattern["String"])
    if behavior == "Isolated":
        return split(MATCHES | GAPS, node)
    if behavior == "Removed":
        return split(MATCHES if invert else GAPS, node)
    only = node.parts[0] if node.kind == "all" and len(node.parts) == 1 else node
    if only.kind != "set" or invert:
        raise refusal(f"it splits by {next(iter(pattern.values()))!r} with {behavior}")
    return _cut(only.ranges, behavior)


def _cut(at: Ranges, behavior: str) -> list[str]:
    """A split at single code points."""
    rest = none_of(at)
    if behavior == "Isolated":
        return split(MATCHES, any_of(one_of(at), runs_of(rest)))
    if behavior == "Removed":
        return split(MATCHES, runs_of(rest))
    if behavior == "Contiguous":
        return split(MATCHES, any_of(runs_of(at), runs_of(rest)))
    some = Node("many", (one_of(rest),), least=0, most=None)
    if behavior == "MergedWithNext":
        return split(MATCHES, any_of(Node("all", (one_of(at), some)), runs_of(rest)))
    if behavior == "MergedWithPrevious":
        return split(MATCHES, any_of(Node("all", (some, one_of(at))), runs_of(rest)))
    raise refusal(f"it splits with {behavior}")


def _by_role(spec: Json) -> list[str]:
    """Pre-tokenizers that know classes of their own: each is asked what it does with every code point."""
    kind = spec["type"]
    if kind == "Punctuation":
        (behavior,) = fields(spec, kind, "behavior")
        alone, _ = probe.roles(json.dumps({"type": kind, "behavior": "Isolated"}))
        return _cut(alone, behavior)
    if kind == "Digits":
        (single,) = fields(spec, kind, "individual_digits")
        alone, _ = probe.roles(json.dumps(spec))
        return _cut(alone, "Isolated" if single else "Contiguous")
    fields(spec, kind)
    alone, removed = probe.roles(json.dumps(spec))
    words = runs_of(none_of((*alone, *removed)))
    if kind == "WhitespaceSplit":
        return split(MATCHES, words)
    return split(MATCHES, any_of(runs_of(alone) if kind == "Whitespace" else one_of(alone), words))


def _ranges(character: str) -> Ranges:
    return ((ord(character), ord(character) + 1),)
