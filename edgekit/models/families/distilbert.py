"""DistilBERT (Sanh et al., 2019) for export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from edgekit.models.families.blocks import (
    ACTIVATIONS,
    Embeddings,
    additive_mask,
    attend,
    cut_positions,
    split_heads,
    unknown_activation,
)
from edgekit.models.families.twin import Twin, assemble, dense_head, token_head, vocabulary_head

EPS = 1e-12  # not in the configuration


class SelfAttention(nn.Module):
    """Attention with its output projection, under DistilBERT's names."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.heads = config.n_heads
        self.q_lin = nn.Linear(config.dim, config.dim)
        self.k_lin = nn.Linear(config.dim, config.dim)
        self.v_lin = nn.Linear(config.dim, config.dim)
        self.out_lin = nn.Linear(config.dim, config.dim)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (split_heads(p(hidden), self.heads) for p in (self.q_lin, self.k_lin, self.v_lin))
        return self.out_lin(attend(query, key, value, bias))


class FeedForward(nn.Module):
    """Two dense layers with an activation between them."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.lin1 = nn.Linear(config.dim, config.hidden_dim)
        self.lin2 = nn.Linear(config.hidden_dim, config.dim)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, hidden: Tensor) -> Tensor:
        return self.lin2(self.activation(self.lin1(hidden)))


class Block(nn.Module):
    """One layer (post-norm)."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.attention = SelfAttention(config)
        self.sa_layer_norm = nn.LayerNorm(config.dim, eps=EPS)
        self.ffn = FeedForward(config)
        self.output_layer_norm = nn.LayerNorm(config.dim, eps=EPS)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        attended = self.sa_layer_norm(self.attention(hidden, bias) + hidden)
        return self.output_layer_norm(self.ffn(attended) + attended)


class Transformer(nn.Module):
    """The stack of layers."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Block(config) for _ in range(config.n_layers))

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        for layer in self.layer:
            hidden = layer(hidden, bias)
        return hidden


class DistilBert(nn.Module):
    """Embeddings (no token types) and layers."""

    def __init__(self, config: Any, max_length: int | None) -> None:
        super().__init__()
        self.rows = min(config.max_position_embeddings, max_length or config.max_position_embeddings)
        self.embeddings = Embeddings(config, size=config.dim, eps=EPS, positions=self.rows)
        self.transformer = Transformer(config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        return self.transformer(self.embeddings(input_ids), additive_mask(attention_mask))

    def adapt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return cut_positions(weights, self.rows)


HEADS = {
    "text-classification": lambda c: dense_head(c, "pre_classifier", nn.functional.relu, "classifier"),
    "token-classification": token_head,
    "fill-mask": lambda c: vocabulary_head(
        c,
        "vocab_transform",
        ACTIVATIONS[c.activation],
        "vocab_layer_norm",
        "vocab_projector",
        eps=EPS,
    ),
}


def unsupported(config: Any) -> str | None:
    """Why this configuration can't be expressed here, or None."""
    return unknown_activation(config, "activation")


def build(
    config: Any, state: dict[str, Tensor], max_length: int | None, task: str = "text-classification"
) -> Twin:
    """The twin of a transformers DistilBERT with this configuration and state dict.

    Raises:
        RuntimeError: a weight is missing, left over, or of another shape.
    """
    return assemble(
        "distilbert", DistilBert(config, max_length), HEADS, config=config, state=state, task=task
    )
