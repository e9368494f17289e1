"""The interface of a model, worked out from its front end and its module."""

from __future__ import annotations

import inspect
from typing import Any

from edgekit.tasks import get_task
from edgekit.types import Signature, TensorSpec

PIXELS = "pixel_values"
WAVEFORM = "input_values"
INTEGER_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def text_signature(
    *, task: str, processor: Any, labels: tuple[str, ...], max_length: int, module: Any
) -> Signature:
    """What the tokenizer makes and the module takes (DistilBERT has no token types); what the task gives."""
    kind = get_task(task)
    # A sentence encoder passes on what the encoder inside it takes.
    taker = getattr(module, "encoder", module) if kind.output == "sentence_embedding" else module
    accepted = inspect.signature(taker.forward).parameters
    names = [n for n in INTEGER_INPUTS if n in processor.model_input_names and n in accepted]
    width = {
        "text-regression": lambda: 1,
        "sentence-embedding": lambda: module.embedding_size,
        "masked-lm": lambda: module.config.vocab_size,
        "text-generation": lambda: module.config.vocab_size,
    }.get(task, lambda: len(labels))()
    sequence = ("sequence",) if kind.per_token else ()
    return Signature(
        task=task,
        inputs=tuple(TensorSpec(n, ("batch", "sequence"), "int64") for n in names),
        outputs=(TensorSpec(kind.output, ("batch", *sequence, width), "float32"),),
        labels=labels,
        max_length=max_length,
    )


def array_signature(*, task: str, labels: tuple[str, ...], name: str, shape: tuple[int, ...]) -> Signature:
    """One float32 array in, `[B, *shape]`; logits out."""
    return Signature(
        task=task,
        inputs=(TensorSpec(name, ("batch", *shape), "float32"),),
        outputs=(TensorSpec(get_task(task).output, ("batch", len(labels)), "float32"),),
        labels=labels,
    )
