"""A small network with its teacher's token table."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edgekit.errors import ModelError
from edgekit.models.families.sentence import SentenceEncoder
from edgekit.models.small import modeling
from edgekit.models.small.low_rank import check_rank, factorised, principal_axes
from edgekit.models.small.register import register
from edgekit.tasks import get_task

KINDS = {"bilstm": "BiLstm", "cnn": "Cnn", "static": "Static"}
HEADS = {
    "text-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "feature-extraction": "Model",
}


def build_small(
    kind: str,
    table: Tensor,
    weights: Tensor,
    *,
    parent_config: Any,
    task: str,
    pad_token_id: int | None,
    embedding_size: int | None,
    layers: int,
    hidden_size: int | None,
    embedding_rank: int | None,
    seed: int,
) -> Any:
    """A BiLSTM, CNN or static-embedding model that starts from a token table.

    The table is brought to `hidden_size` along its principal axes, and to a mean square of 1: a transformer
    normalises its embeddings right after the table, these networks do not. All other weights are random.

    Args:
        kind: "bilstm", "cnn" or "static".
        table: `[V, D]` float32, the teacher's.
        weights: `[V]` above 0, how much each token counts when the table is made smaller.
        parent_config: its labels and problem type are taken over.
        task: edgekit's name of it.
        embedding_size: of the teacher's sentence embeddings; a projection is added where the width differs.
        layers: of the BiLSTM; the others have one.
        hidden_size: width of table and network; None: D.

    Raises:
        ModelError: the sizes don't fit, or this network has nothing to answer the task with.
    """
    register()
    optimum = get_task(task).optimum
    model = getattr(modeling, KINDS[kind] + HEADS.get(optimum, "?"), None)
    if model is None:
        raise ModelError(
            f"A {kind} student can't do {task}.",
            remedy="Use architecture: teacher for it, or bilstm or cnn to tag tokens.",
        )
    width = hidden_size or table.shape[1]
    if width > table.shape[1]:
        raise ModelError(
            f"student.hidden_size is {width}; the teacher's token table is only {table.shape[1]} wide.",
            remedy=f"Set it to {table.shape[1]} or less, or leave it out.",
        )
    if kind == "bilstm" and width % 2:
        raise ModelError(
            f"student.hidden_size is {width}; a BiLSTM's two directions share it equally.",
            remedy=f"Set it to {width - 1}.",
        )
    if width < table.shape[1]:
        table = table @ principal_axes(table, weights, width)
    table = table / table.square().mean().sqrt().clamp_min(1e-12)
    config = model.config_class(
        vocab_size=table.shape[0],
        hidden_size=width,
        num_hidden_layers=layers if kind == "bilstm" else 1,
        embedding_rank=embedding_rank,
        pad_token_id=pad_token_id,
        id2label=parent_config.id2label,
        label2id=parent_config.label2id,
        problem_type=getattr(parent_config, "problem_type", None),
    )
    if optimum == "feature-extraction" and embedding_size not in (None, width):
        config.sentence_size = embedding_size
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = model(config)
        if optimum == "feature-extraction":
            made = SentenceEncoder(config, made)
    words = made.get_input_embeddings()
    if embedding_rank:
        check_rank(embedding_rank, width)
        rows, axes = factorised(table, weights, embedding_rank)
        words.projection.weight.data.copy_(axes)
        table = rows
    words.weight.data.copy_(table)
    return made.float().eval()
