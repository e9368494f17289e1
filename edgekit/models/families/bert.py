"""BERT (Devlin et al., 2019) for export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.models.families.blocks import (
    ACTIVATIONS,
    Embeddings,
    Layers,
    additive_mask,
    cut_positions,
    unknown_activation,
)
from edgekit.models.families.twin import Twin, assemble, dense_head, token_head, vocabulary_head


class Bert(nn.Module):
    """Embeddings and layers: token ids → last hidden state `[B, L, D]`."""

    def __init__(self, config: Any, max_length: int | None) -> None:
        super().__init__()
        self.rows = min(config.max_position_embeddings, max_length or config.max_position_embeddings)
        self.embeddings = Embeddings(
            config,
            size=config.hidden_size,
            eps=config.layer_norm_eps,
            positions=self.rows,
            types=config.type_vocab_size,
        )
        self.encoder = Layers(config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        return self.encoder(self.embeddings(input_ids, token_type_ids), additive_mask(attention_mask))

    def adapt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return cut_positions(weights, self.rows)


HEADS = {
    "text-classification": lambda c: dense_head(c, "bert.pooler.dense", torch.tanh, "classifier"),
    "token-classification": token_head,
    "fill-mask": lambda c: vocabulary_head(
        c,
        "cls.predictions.transform.dense",
        ACTIVATIONS[c.hidden_act],
        "cls.predictions.transform.LayerNorm",
        "cls.predictions.decoder",
    ),
}


def unsupported(config: Any) -> str | None:
    """Why this configuration can't be expressed here, or None."""
    if getattr(config, "position_embedding_type", "absolute") not in (None, "absolute"):
        return f"position_embedding_type is {config.position_embedding_type!r}; only absolute is built"
    if getattr(config, "is_decoder", False) or getattr(config, "add_cross_attention", False):
        return "it is a decoder"
    return unknown_activation(config, "hidden_act")


def build(
    config: Any, state: dict[str, Tensor], max_length: int | None, task: str = "text-classification"
) -> Twin:
    """The twin of a transformers BERT with this configuration and state dict.

    Raises:
        RuntimeError: a weight is missing, left over, or of another shape.
    """
    return assemble(
        "bert",
        Bert(config, max_length),
        HEADS,
        config=config,
        state=state,
        task=task,
        unused=("pooler.dense.weight", "pooler.dense.bias", "cls.predictions.bias"),
    )
