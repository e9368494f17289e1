"""The interface of a text classifier, worked out from its front end and its module."""

from __future__ import annotations

import inspect
from typing import Any

from edgekit.types import Signature, TensorSpec

INTEGER_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def text_signature(
    *, task: str, processor: Any, labels: tuple[str, ...], max_length: int, module: Any
) -> Signature:
    """What the tokenizer makes and the module takes (DistilBERT has no token types); logits out."""
    accepted = inspect.signature(module.forward).parameters
    names = [n for n in INTEGER_INPUTS if n in processor.model_input_names and n in accepted]
    return Signature(
        task=task,
        inputs=tuple(TensorSpec(n, ("batch", "sequence"), "int64") for n in names),
        outputs=(TensorSpec("logits", ("batch", len(labels)), "float32"),),
        labels=labels,
        max_length=max_length,
    )
