"""What the encoder families share: the mask, attention over heads, embeddings, and BERT's layer.

What these replace: transformers builds its attention mask with data-dependent helpers that Core ML's
converter has no operation for, and fills it with the dtype's minimum, which is −inf in fp16. Here the mask is
additive, 4-D and −3e4, which softmax turns into an exact 0 in both fp32 and fp16. Texts are padded on the
right, so that positions are 0…L−1 and a slice of a table replaces a gather.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

MASKED = -3e4  # fits fp16 (max 65504) with room for the scores it is added to


def tanh_gelu(x: Tensor) -> Tensor:
    """GELU's tanh form, written out: coremltools turns `gelu(approximate="tanh")` into the exact form."""
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {  # transformers' name → function
    "gelu": nn.functional.gelu,
    "gelu_python": nn.functional.gelu,
    "gelu_new": tanh_gelu,
    "gelu_pytorch_tanh": tanh_gelu,
    "relu": nn.functional.relu,
    "silu": nn.functional.silu,
    "tanh": torch.tanh,
}


def unknown_activation(config: Any, *fields: str) -> str | None:
    """Why an activation of this configuration can't be expressed here, or None."""
    for field in fields:
        if getattr(config, field) not in ACTIVATIONS:
            return f"{field} is {getattr(config, field)!r}; built are {', '.join(ACTIVATIONS)}"
    return None


def additive_mask(attention_mask: Tensor) -> Tensor:
    """`[B, L]` of 1 (text) and 0 (padding) → `[B, 1, 1, L]` of 0 and −3e4, to be added to scores."""
    return (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * MASKED


def split_heads(x: Tensor, heads: int) -> Tensor:
    """`[B, L, H·d]` → `[B, H, L, d]`."""
    return x.reshape(x.shape[0], x.shape[1], heads, x.shape[2] // heads).transpose(1, 2)


def mix(scores: Tensor, value: Tensor) -> Tensor:
    """Softmax of scores `[B, H, L, L]` over keys, applied to values `[B, H, L, d]` → `[B, L, H·d]`."""
    context = (torch.softmax(scores, dim=-1) @ value).transpose(1, 2)
    return context.reshape(context.shape[0], context.shape[1], value.shape[1] * value.shape[3])


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Scaled dot-product attention (Vaswani et al., 2017) of `[B, H, L, d]` → `[B, L, H·d]`.

    Args:
        bias: added to the scaled scores: mask and relative positions, broadcast to `[B, H, L, L]`.
    """
    # The query is scaled before the product, so that fp16 scores stay small.
    query = query * (1.0 / math.sqrt(query.shape[-1]))
    return mix(query @ key.transpose(-1, -2) + bias, value)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding (Su et al., 2021) of `[B, H, L, d]` by `[L, d]`."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Table(nn.Module):
    """A small table read by other means than a plain look-up; quantization leaves it alone."""

    def __init__(self, rows: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, size))


class Embeddings(nn.Module):
    """Word + position (+ token-type) embeddings, normalised.

    Args:
        positions: rows of the position table; 0: it has none.
        first: row of the first token (RoBERTa and MPNet leave out padding_idx + 1 rows).
        types: rows of the token-type table; 0: it has none. Without ids every token has type 0.
    """

    def __init__(
        self, config: Any, *, size: int, eps: float, positions: int, first: int = 0, types: int = 0
    ) -> None:
        super().__init__()
        self.first = first
        self.word_embeddings = nn.Embedding(config.vocab_size, size)
        self.position_embeddings = nn.Embedding(positions, size) if positions else None
        self.token_type_embeddings = nn.Embedding(types, size) if types else None
        self.LayerNorm = nn.LayerNorm(size, eps=eps)

    def combine(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        """The sum before LayerNorm, `[B, L, size]`."""
        words = self.word_embeddings(input_ids)
        if self.token_type_embeddings is not None:
            types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
            words = words + self.token_type_embeddings(types)
        if self.position_embeddings is not None:
            # A slice, not a gather: it costs nothing at run time.
            last = self.first + input_ids.shape[1]
            words = words + self.position_embeddings.weight[self.first : last].unsqueeze(0)
        return words

    def forward(self, input_ids: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        return self.LayerNorm(self.combine(input_ids, token_type_ids))


def cut_positions(weights: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
    """An encoder's weights with the first `rows` of its position table; the rest can't be reached."""
    name = "embeddings.position_embeddings.weight"
    return {**weights, name: weights[name][:rows].clone()}


class SelfAttention(nn.Module):
    """Attention with transformers' names of BERT."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (split_heads(p(hidden), self.heads) for p in (self.query, self.key, self.value))
        return attend(query, key, value, bias)


class AddNorm(nn.Module):
    """A projection, the residual, and LayerNorm after it (post-norm)."""

    def __init__(self, inner: int, config: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + residual)


class Attention(nn.Module):
    """`attention(hidden, …)`, its projection, the residual and LayerNorm."""

    def __init__(self, config: Any, attention: nn.Module) -> None:
        super().__init__()
        self.self = attention
        self.output = AddNorm(config.hidden_size, config)

    def forward(self, hidden: Tensor, *context: Any) -> Tensor:
        return self.output(self.self(hidden, *context), hidden)


class Intermediate(nn.Module):
    """The inner half of the feed-forward network."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, hidden: Tensor) -> Tensor:
        return self.activation(self.dense(hidden))


class Layer(nn.Module):
    """BERT's layer around any attention; `context` (mask, relative positions) goes to the attention."""

    def __init__(self, config: Any, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention
        self.intermediate = Intermediate(config)
        self.output = AddNorm(config.intermediate_size, config)

    def forward(self, hidden: Tensor, *context: Any) -> Tensor:
        attended = self.attention(hidden, *context)
        return self.output(self.intermediate(attended), attended)


class Layers(nn.Module):
    """BERT's stack of layers."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.layer = nn.ModuleList(
            Layer(config, Attention(config, SelfAttention(config))) for _ in range(config.num_hidden_layers)
        )

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        for layer in self.layer:
            hidden = layer(hidden, bias)
        return hidden
