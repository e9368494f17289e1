"""What a kit that writes text is tested with: prompts, streams, choices and continuations.

`generation-golden.txt` has one vector a line, words between single spaces; texts are UTF-8 in hex (`-`:
empty), lists have commas (`-`: empty), and no vector needs another:

    prompt <text> <ids>             a prompt as tokens, with what the tokenizer puts around it
    chat <role:text,…> <ids>        a conversation as tokens, with nothing put around them
    stream <stops> <ids> <texts>    what `add` gives for every token, and at last what `end` gives; after a
                                    stop text all of them are empty
    choose <penalty> <temperature> <top_k> <top_p> <min_p> <seed> <seen> <logits> <ids>
                                    tokens drawn from the same logits one after the other; `seen` stays
    greedy <ids> <margins> <prompt> tokens that the model wrote on after those of the prompt, each time the
                                    likeliest, a stop token included; how far each was above the second, in
                                    logits: on another processor a small one may fall the other way
    greedy-float …                  for the web alone: what it writes without rounding inputs to int8
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgekit.files import atomic
from edgekit.kits.generation.chat import Turn
from edgekit.kits.generation.interface import Generation, to_hex
from edgekit.kits.generation.text import PieceStream

FILE = "generation-golden.txt"


@dataclass(frozen=True, slots=True)
class Prompted:
    """A text, or a conversation, and its tokens."""

    said: str | tuple[Turn, ...]
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Tokens drawn from one row of logits."""

    penalty: float
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    seed: int
    seen: tuple[int, ...]
    logits: tuple[float, ...]
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Continued:
    """What the artifact wrote on after a prompt, each time the likeliest token."""

    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    margins: tuple[float, ...]  # logits between the likeliest and the second, of each token


@dataclass(frozen=True, slots=True)
class GenerationGolden:
    """All vectors of a kit."""

    prompted: tuple[Prompted, ...]
    streams: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]  # stop texts, and tokens
    chosen: tuple[Chosen, ...]
    continued: tuple[Continued, ...]
    # The same without rounding the inputs of products, which WebAssembly does not; empty: it is the same.
    unrounded: tuple[Continued, ...] = ()


def golden_lines(golden: GenerationGolden, generation: Generation) -> list[str]:
    """The lines of `generation-golden.txt`."""
    lines = []
    for one in golden.prompted:
        if isinstance(one.said, str):
            lines.append(f"prompt {to_hex(one.said)} {_list(one.ids)}")
        else:
            said = ",".join(f"{role}:{to_hex(content)}" for role, content in one.said)
            lines.append(f"chat {said} {_list(one.ids)}")
    for stops, ids in golden.streams:
        stream = PieceStream(generation.pieces, strip=generation.strip, stop=stops)
        texts = [*(stream.add(token) for token in ids), stream.end()]
        lines.append(f"stream {_list([to_hex(s) for s in stops])} {_list(ids)} {_list(map(to_hex, texts))}")
    for c in golden.chosen:
        settings = f"{c.penalty!r} {c.temperature!r} {c.top_k} {c.top_p!r} {c.min_p!r} {c.seed}"
        lines.append(f"choose {settings} {_list(c.seen)} {_list(map(repr, c.logits))} {_list(c.ids)}")
    for kind, written in (("greedy", golden.continued), ("greedy-float", golden.unrounded)):
        for g in written:
            margins = _list(f"{margin:.4f}" for margin in g.margins)
            lines.append(f"{kind} {_list(g.ids)} {margins} {_list(g.prompt)}")
    return lines


def write_generation_golden(golden: GenerationGolden, generation: Generation, path: Path) -> Path:
    """Writes `golden_lines`."""
    with atomic(path) as temporary:
        lines = "".join(line + "\n" for line in golden_lines(golden, generation))
        temporary.write_text(lines, encoding="ascii", newline="\n")
    return path


def _list(items: Iterable[object]) -> str:
    return ",".join(map(str, items)) or "-"
