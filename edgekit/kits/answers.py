"""Inputs with the answers that were verified: what a kit's tests replay, and what its benchmark runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.types import Signature


@dataclass(frozen=True, slots=True)
class Answer:
    """One input of an artifact, and what a runner answered."""

    text: str
    tokens: Mapping[str, Sequence[int]]  # input name → ids `[L]`, unpadded, as Python's tokenizer gives them
    output: Sequence[float]  # of the signature's first output, row after row
    pair: str | None = None
    tags: Sequence[int | None] | None = None  # tag id of every word; None: no token of it was read


def to_hex(text: str) -> str:
    """UTF-8 as hex digits, which no editor, version control or unpacker on the way can change."""
    return text.encode("utf-8").hex()


def samples_json(signature: Signature, answers: Sequence[Answer]) -> dict[str, Any]:
    """The content of a kit's `samples.json`.

    Raises:
        UnicodeEncodeError: a text holds half of a surrogate pair.
    """
    return {
        "format": "edgekit samples 1.0",
        "model": {
            "inputs": [spec.name for spec in signature.inputs],
            "output": signature.outputs[0].name,
            "width": signature.outputs[0].shape[-1],
            "labels": list(signature.labels),
        },
        "samples": [_sample(answer) for answer in answers],
    }


def _sample(answer: Answer) -> dict[str, Any]:
    made: dict[str, Any] = {"text": to_hex(answer.text)}
    if answer.pair is not None:
        made["pair"] = to_hex(answer.pair)
    made["tokens"] = {name: [int(i) for i in ids] for name, ids in answer.tokens.items()}
    made["output"] = [float(value) for value in answer.output]
    if answer.tags is not None:
        made["tags"] = list(answer.tags)
    return made
