"""ModernBERT (Warner et al., 2024) for export: rotary positions, GeGLU, global and local attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.models.families.blocks import (
    ACTIVATIONS,
    MASKED,
    additive_mask,
    attend,
    rotate,
    split_heads,
    unknown_activation,
)
from edgekit.models.families.twin import Head, Twin, assemble, every_token, first_token, mean_token

LOCAL, GLOBAL = "sliding_attention", "full_attention"


def norm(config: Any) -> nn.LayerNorm:
    """LayerNorm, usually without a bias."""
    return nn.LayerNorm(config.hidden_size, eps=config.norm_eps, bias=config.norm_bias)


class Attention(nn.Module):
    """Attention with one matrix for queries, keys and values."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.Wqkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=config.attention_bias)
        self.Wo = nn.Linear(config.hidden_size, config.hidden_size, bias=config.attention_bias)

    def forward(self, hidden: Tensor, bias: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        query, key, value = (split_heads(part, self.heads) for part in self.Wqkv(hidden).chunk(3, dim=-1))
        return self.Wo(attend(rotate(query, cos, sin), rotate(key, cos, sin), value, bias))


class GatedFeedForward(nn.Module):
    """GeGLU (Shazeer, 2020)."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.Wi = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=config.mlp_bias)
        self.Wo = nn.Linear(config.intermediate_size, config.hidden_size, bias=config.mlp_bias)
        self.activation = ACTIVATIONS[config.hidden_activation]

    def forward(self, hidden: Tensor) -> Tensor:
        value, gate = self.Wi(hidden).chunk(2, dim=-1)
        return self.Wo(self.activation(value) * gate)


class Layer(nn.Module):
    """One layer (pre-norm); the first one has no norm before its attention."""

    def __init__(self, config: Any, index: int) -> None:
        super().__init__()
        self.attn_norm = norm(config) if index else nn.Identity()
        self.attn = Attention(config)
        self.mlp_norm = norm(config)
        self.mlp = GatedFeedForward(config)

    def forward(self, hidden: Tensor, bias: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        hidden = hidden + self.attn(self.attn_norm(hidden), bias, cos, sin)
        return hidden + self.mlp(self.mlp_norm(hidden))


class Embeddings(nn.Module):
    """Word embeddings, normalised; positions come in by rotation."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.tok_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.norm = norm(config)

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.norm(self.tok_embeddings(input_ids))


class ModernBert(nn.Module):
    """Embeddings, layers and the last norm."""

    positions: Tensor

    def __init__(self, config: Any, max_length: int | None) -> None:
        super().__init__()
        from transformers.models.modernbert.modeling_modernbert import ModernBertRotaryEmbedding

        length = min(config.max_position_embeddings, max_length or config.max_position_embeddings)
        self.window = config.sliding_window
        # Within the window every token sees every other one: local attention is global.
        self.narrow = length > self.window + 1 and LOCAL in config.layer_types
        self.kinds = tuple(config.layer_types)
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Layer(config, i) for i in range(config.num_hidden_layers))
        self.final_norm = norm(config)
        # The angles are worked out here: position × frequency would be wrong in fp16.
        self.register_buffer("positions", torch.arange(length), persistent=False)
        rotary = ModernBertRotaryEmbedding(config)
        for kind in sorted(set(self.kinds)):
            cos, sin = rotary(torch.zeros(1), self.positions.unsqueeze(0), kind)
            self.register_buffer(f"{kind}_cos", cos[0].clone(), persistent=False)
            self.register_buffer(f"{kind}_sin", sin[0].clone(), persistent=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        length = input_ids.shape[1]
        hidden = self.embeddings(input_ids)
        bias = dict.fromkeys((GLOBAL, LOCAL), additive_mask(attention_mask))
        if self.narrow:
            positions = self.positions[:length]
            far = (positions[None, :] - positions[:, None]).abs() > self.window
            # The lower of both, not their sum: the sum is near fp16's limit.
            bias[LOCAL] = torch.minimum(bias[GLOBAL], far.to(torch.float32) * MASKED)
        for layer, kind in zip(self.layers, self.kinds, strict=True):
            cos, sin = getattr(self, f"{kind}_cos")[:length], getattr(self, f"{kind}_sin")[:length]
            hidden = layer(hidden, bias[kind], cos, sin)
        return self.final_norm(hidden)

    def adapt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict(weights)


def _head(config: Any, pool: Any, out: str, size: int, *, bias: bool = True) -> Head:
    return Head(
        pool,
        (
            ("head.dense", nn.Linear(config.hidden_size, config.hidden_size, bias=config.classifier_bias)),
            ACTIVATIONS[config.classifier_activation],
            ("head.norm", norm(config)),
            (out, nn.Linear(config.hidden_size, size, bias=bias)),
        ),
    )


POOLS = {"cls": first_token, "mean": mean_token}
HEADS = {
    "text-classification": lambda c: _head(c, POOLS[c.classifier_pooling], "classifier", c.num_labels),
    "token-classification": lambda c: _head(c, every_token, "classifier", c.num_labels),
    "fill-mask": lambda c: _head(c, every_token, "decoder", c.vocab_size, bias=c.decoder_bias),
}


def unsupported(config: Any) -> str | None:
    """Why this configuration can't be expressed here, or None."""
    for kind in sorted(set(config.layer_types)):
        if kind not in (LOCAL, GLOBAL):
            return f"it has a layer of type {kind!r}"
        if config.rope_parameters[kind]["rope_type"] != "default":
            return f"rope_type is {config.rope_parameters[kind]['rope_type']!r}; only default is built"
    return unknown_activation(config, "hidden_activation", "classifier_activation")


def build(
    config: Any, state: dict[str, Tensor], max_length: int | None, task: str = "text-classification"
) -> Twin:
    """The twin of a transformers ModernBERT with this configuration and state dict.

    Raises:
        RuntimeError: a weight is missing, left over, or of another shape.
    """
    return assemble(
        "model",
        ModernBert(config, max_length),
        HEADS,
        config=config,
        state=state,
        task=task,
        words="embeddings.tok_embeddings.weight",
    )
