"""RoBERTa (Liu et al., 2019) for export; XLM-RoBERTa and CamemBERT are the same network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.models.families.bert import unsupported
from edgekit.models.families.blocks import Embeddings, Layers, additive_mask, cut_positions
from edgekit.models.families.twin import Twin, assemble, dense_head, token_head, vocabulary_head

__all__ = ["build", "unsupported"]


class Roberta(nn.Module):
    """BERT whose positions start behind the padding token's id."""

    def __init__(self, config: Any, max_length: int | None) -> None:
        super().__init__()
        first = config.pad_token_id + 1
        self.rows = min(
            config.max_position_embeddings, first + (max_length or config.max_position_embeddings)
        )
        self.embeddings = Embeddings(
            config,
            size=config.hidden_size,
            eps=config.layer_norm_eps,
            positions=self.rows,
            first=first,
            types=config.type_vocab_size if config.type_vocab_size > 1 else 0,
        )
        self.encoder = Layers(config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        return self.encoder(self.embeddings(input_ids, token_type_ids), additive_mask(attention_mask))

    def adapt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        adapted = cut_positions(weights, self.rows)
        if self.embeddings.token_type_embeddings is None:
            # The one type there is goes into every position, as converters would fold it.
            only = adapted.pop("embeddings.token_type_embeddings.weight")
            adapted["embeddings.position_embeddings.weight"] += only
        return adapted


HEADS = {
    "text-classification": lambda c: dense_head(c, "classifier.dense", torch.tanh, "classifier.out_proj"),
    "token-classification": token_head,
    "fill-mask": lambda c: vocabulary_head(
        c, "lm_head.dense", nn.functional.gelu, "lm_head.layer_norm", "lm_head.decoder"
    ),
}


def build(
    config: Any, state: dict[str, Tensor], max_length: int | None, task: str = "text-classification"
) -> Twin:
    """The twin of a transformers RoBERTa with this configuration and state dict.

    Raises:
        RuntimeError: a weight is missing, left over, or of another shape.
    """
    return assemble(
        "roberta",
        Roberta(config, max_length),
        HEADS,
        config=config,
        state=state,
        task=task,
        unused=("pooler.dense.weight", "pooler.dense.bias", "lm_head.bias"),
    )
