"""MPNet (Song et al., 2020) for export: BERT with a bias per head and distance, shared by all layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.models.families.blocks import (
    Embeddings,
    Layer,
    Table,
    additive_mask,
    attend,
    cut_positions,
    split_heads,
    unknown_activation,
)
from edgekit.models.families.twin import Twin, assemble, dense_head, token_head, vocabulary_head

FIRST = 2  # row of the first position: transformers fixes padding_idx at 1


class Projections(nn.Module):
    """The four projections of attention, under MPNet's names."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.q = nn.Linear(config.hidden_size, config.hidden_size)
        self.k = nn.Linear(config.hidden_size, config.hidden_size)
        self.v = nn.Linear(config.hidden_size, config.hidden_size)
        self.o = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (split_heads(p(hidden), self.heads) for p in (self.q, self.k, self.v))
        return self.o(attend(query, key, value, bias))


class Attention(nn.Module):
    """Attention, the residual and LayerNorm."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.attn = Projections(config)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        return self.LayerNorm(self.attn(hidden, bias) + hidden)


class Encoder(nn.Module):
    """The layers, and the relative position bias that they share."""

    positions: Tensor
    buckets: Tensor

    def __init__(self, config: Any, length: int) -> None:
        super().__init__()
        from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

        self.length = length
        self.layer = nn.ModuleList(Layer(config, Attention(config)) for _ in range(config.num_hidden_layers))
        self.relative_attention_bias = Table(
            config.relative_attention_num_buckets, config.num_attention_heads
        )
        # The bucket of every distance is worked out here: its logarithm would be wrong in fp16.
        distances = torch.arange(1 - length, length)
        buckets = MPNetEncoder.relative_position_bucket(distances)
        self.register_buffer("positions", torch.arange(length), persistent=False)
        self.register_buffer("buckets", buckets, persistent=False)

    def bias(self, length: int) -> Tensor:
        """`[1, H, L, L]`: for query i and key j the entry of the bucket of j − i."""
        positions = self.positions[:length]
        distances = positions[None, :] - positions[:, None] + (self.length - 1)
        table = self.relative_attention_bias.weight
        return nn.functional.embedding(self.buckets[distances], table).permute(2, 0, 1).unsqueeze(0)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        bias = mask + self.bias(hidden.shape[1])
        for layer in self.layer:
            hidden = layer(hidden, bias)
        return hidden


class MPNet(nn.Module):
    """Embeddings (no token types, positions from row 2) and layers."""

    def __init__(self, config: Any, max_length: int | None) -> None:
        super().__init__()
        length = config.max_position_embeddings - FIRST
        length = min(length, max_length or length)
        self.rows = FIRST + length
        self.embeddings = Embeddings(
            config,
            size=config.hidden_size,
            eps=config.layer_norm_eps,
            positions=self.rows,
            first=FIRST,
        )
        self.encoder = Encoder(config, length)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        return self.encoder(self.embeddings(input_ids), additive_mask(attention_mask))

    def adapt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return cut_positions(weights, self.rows)


HEADS = {
    "text-classification": lambda c: dense_head(c, "classifier.dense", torch.tanh, "classifier.out_proj"),
    "token-classification": token_head,
    "fill-mask": lambda c: vocabulary_head(
        c, "lm_head.dense", nn.functional.gelu, "lm_head.layer_norm", "lm_head.decoder"
    ),
}


def unsupported(config: Any) -> str | None:
    """Why this configuration can't be expressed here, or None."""
    return unknown_activation(config, "hidden_act")


def build(
    config: Any, state: dict[str, Tensor], max_length: int | None, task: str = "text-classification"
) -> Twin:
    """The twin of a transformers MPNet with this configuration and state dict.

    Raises:
        RuntimeError: a weight is missing, left over, or of another shape.
    """
    return assemble(
        "mpnet",
        MPNet(config, max_length),
        HEADS,
        config=config,
        state=state,
        task=task,
        unused=("pooler.dense.weight", "pooler.dense.bias", "lm_head.bias"),
    )
