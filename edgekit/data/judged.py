"""Rows and truth as a model of each task is judged on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit.data.documents import token_blocks
from edgekit.data.masking import masked_rows
from edgekit.data.token_labels import token_labels
from edgekit.data.tokens import tokenise
from edgekit.tasks import TEXT_GENERATION, get_task
from edgekit.types import Rows, Split


def judged_rows(task: str, processor: Any, split: Split, max_length: int) -> tuple[Rows, Sequence[Any]]:
    """Token rows of a split, and one truth per row as `edgekit.scores` takes it.

    Args:
        task: its name.
        processor: the tokenizer; tags and masks sit on its tokens.
        split: inputs, and labels if the task has any.
        max_length: tokens.

    Returns:
        Rows (of a masked-lm, with the masks in place; of a decoder, blocks of documents) and truths: labels,
        ids per token, or nothing for an unlabelled split, for a decoder, and for sentence embeddings, whose
        truth is what the teacher answers.
    """
    kind = get_task(task)
    if kind.truth == "tags" and split.labels:
        return token_labels(processor, split.inputs, split.labels, max_length)
    if kind is TEXT_GENERATION:
        return token_blocks(processor, split.inputs, max_length), ()
    rows = tokenise(processor, split.inputs, max_length)
    if kind.metric == "masked_accuracy":
        return masked_rows(rows, processor)
    return rows, split.labels
