"""ELECTRA (Clark et al., 2020) for export: BERT with a narrower token table, and a gelu in its classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from edgekit.models.families.bert import unsupported
from edgekit.models.families.blocks import Embeddings, Layers, additive_mask, cut_positions
from edgekit.models.families.twin import Twin, assemble, dense_head, token_head, vocabulary_head

__all__ = ["build", "unsupported"]


class Electra(nn.Module):
    """Embeddings of `embedding_size`, a projection to `hidden_size` when they differ, BERT's layers."""

    def __init__(self, config: Any, max_length: int | None) -> None:
        super().__init__()
        self.rows = min(config.max_position_embeddings, max_length or config.max_position_embeddings)
        self.embeddings = Embeddings(
            config,
            size=config.embedding_size,
            eps=config.layer_norm_eps,
            positions=self.rows,
            types=config.type_vocab_size,
        )
        same = config.embedding_size == config.hidden_size
        self.embeddings_project = None if same else nn.Linear(config.embedding_size, config.hidden_size)
        self.encoder = Layers(config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        hidden = self.embeddings(input_ids, token_type_ids)
        if self.embeddings_project is not None:
            hidden = self.embeddings_project(hidden)
        return self.encoder(hidden, additive_mask(attention_mask))

    def adapt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return cut_positions(weights, self.rows)


HEADS = {
    "text-classification": lambda c: dense_head(
        c, "classifier.dense", nn.functional.gelu, "classifier.out_proj"
    ),
    "token-classification": token_head,
    "fill-mask": lambda c: vocabulary_head(
        c,
        "generator_predictions.dense",
        nn.functional.gelu,
        "generator_predictions.LayerNorm",
        "generator_lm_head",
        size=c.embedding_size,
    ),
}


def build(
    config: Any, state: dict[str, Tensor], max_length: int | None, task: str = "text-classification"
) -> Twin:
    """The twin of a transformers ELECTRA with this configuration and state dict.

    Raises:
        RuntimeError: a weight is missing, left over, or of another shape.
    """
    return assemble("electra", Electra(config, max_length), HEADS, config=config, state=state, task=task)
