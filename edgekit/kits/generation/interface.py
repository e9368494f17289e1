"""What a kit that writes text needs beside the tokenizer's tables.

How the model is called, which tokens end a text, what every token adds to it, and how a conversation becomes
a prompt: two files, read by Swift, Kotlin and TypeScript alike. As in `tokenizer.txt`, lines are words
between single spaces, texts are UTF-8 in hex (`-`: empty), and lines end with a line feed.

`generation.txt`:

    format 1
    context 2048                 tokens of prompt and answer together, at most
    vocabulary 49152             logits of one token
    stop 2 0                     tokens that end a text; they add nothing to it
    strip 1                      spaces that an answer may lose at its beginning
    input ids input_ids          what the model takes, and the name of that input:
    input mask attention_mask      ids; mask (1 for every token so far); positions; of Core ML causal_mask
    logits logits                the output; its last row is of the next token
    cache IN OUT 3 64 float32    an input, the output that takes its place in the next call, key-value heads,
                                 width of one, dtype: `[1, heads, tokens, width]`; Core ML has its own states
    joint start user 3c7c…       chat: the text before, between and after what is said, see `Chat`
    trim user                    roles whose texts lose white space at both ends, as Python's str.strip

Without a `joint` the model has no chat. `pieces.txt` has a line for every token id: the bytes that it adds,
in hex, or `-` for none (special tokens). The bytes of all tokens, one after the other, are the text in UTF-8.
A character may be spread over several tokens, so what may still become one is held back:
`edgekit.kits.generation.text.PieceStream` is the model for all three platforms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.errors import ExportError
from edgekit.kits.generation.chat import Chat
from edgekit.types import Artifact, TensorSpec

FORMAT = 1  # of generation.txt
TASK = "text-generation"
FILES = ("generation.txt", "pieces.txt")
# A model's input → what it is for, in ONNX and in Core ML.
_INPUTS = {
    "input_ids": "ids",
    "attention_mask": "mask",
    "position_ids": "positions",
    "inputIds": "ids",
    "causalMask": "causal_mask",
}
_PAST, _PRESENT = "past_key_values.", "present."


@dataclass(frozen=True, slots=True)
class Cache:
    """One tensor of keys or values `[1, heads, tokens, width]` that a call gives and the next one takes."""

    input: str
    output: str
    heads: int  # of keys and values
    width: int  # of a head
    dtype: str  # "float32"


@dataclass(frozen=True, slots=True)
class Generation:
    """How a decoder is called, and how its tokens become text."""

    context: int  # tokens of a text, prompt included
    vocabulary: int
    stop_ids: tuple[int, ...]
    inputs: Mapping[str, str]  # "ids", "mask", "positions", "causal_mask" → the input's name
    logits: str
    caches: tuple[Cache, ...]  # empty: the model keeps its own (Core ML)
    pieces: tuple[bytes | None, ...]  # by token id; None: it adds nothing
    strip: int  # spaces that an answer may lose at its beginning
    chat: Chat | None
    no_chat: str = ""  # why there is none

    @property
    def files(self) -> dict[str, str]:
        """`generation.txt` and `pieces.txt`."""
        lines = [
            f"format {FORMAT}",
            f"context {self.context}",
            f"vocabulary {self.vocabulary}",
            " ".join(["stop", *map(str, self.stop_ids)]),
            f"strip {self.strip}",
            *(f"input {role} {name}" for role, name in self.inputs.items()),
            f"logits {self.logits}",
            *(f"cache {c.input} {c.output} {c.heads} {c.width} {c.dtype}" for c in self.caches),
        ]
        if self.chat is not None:
            lines += [f"joint {a} {b} {to_hex(text)}" for (a, b), text in self.chat.joints.items()]
            lines += [" ".join(["trim", *self.chat.trimmed])] if self.chat.trimmed else []
        pieces = [(piece or b"").hex() or "-" for piece in self.pieces]
        return {"generation.txt": _lines(lines), "pieces.txt": _lines(pieces)}


def describe_generation(
    artifact: Artifact,
    *,
    pieces: Sequence[bytes | None],
    strip: int,
    stop_ids: Sequence[int],
    chat: Chat | str,
) -> Generation:
    """What a kit needs to know of an exported decoder, from its signature.

    Args:
        artifact: an ONNX folder or a stateful package.
        pieces, strip: from `edgekit.kits.generation.text.token_pieces`.
        stop_ids: tokens that end a text.
        chat: from `edgekit.kits.generation.chat.probe_chat`; a text says why there is none.

    Raises:
        ExportError: the interface is another than edgekit's.
    """
    signature = artifact.signature
    past = [spec for spec in signature.inputs if spec.name.startswith(_PAST)]
    plain = [spec.name for spec in signature.inputs if not spec.name.startswith(_PAST)]
    outputs = {spec.name: spec for spec in signature.outputs}
    unknown = [name for name in plain if name not in _INPUTS]
    caches = tuple(_cache(spec) for spec in past)
    missing = [c.output for c in caches if c.output not in outputs]
    if signature.task != TASK or unknown or missing or "logits" not in outputs or not signature.max_length:
        what = ", ".join(unknown + missing) or "no logits or context"
        raise ExportError(
            f"{artifact.name} can't be called by a kit: {what}.",
            remedy="Export the decoder with edgekit, and bundle that.",
        )
    vocabulary = outputs["logits"].shape[-1]
    return Generation(
        context=signature.max_length,
        vocabulary=vocabulary if isinstance(vocabulary, int) else len(pieces),
        stop_ids=tuple(stop_ids),
        inputs={_INPUTS[name]: name for name in plain},
        logits="logits",
        caches=caches,
        pieces=tuple(pieces),
        strip=strip,
        chat=None if isinstance(chat, str) else chat,
        no_chat=chat if isinstance(chat, str) else "",
    )


def _cache(spec: TensorSpec) -> Cache:
    _, heads, _, width = spec.shape
    return Cache(spec.name, spec.name.replace(_PAST, _PRESENT), int(heads), int(width), spec.dtype)


def to_hex(text: str) -> str:
    """UTF-8 in hex, `-` for no text."""
    return text.encode().hex() or "-"


def _lines(rows: Sequence[str]) -> str:
    return "".join(row + "\n" for row in rows)
