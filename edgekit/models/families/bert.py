"""BERT for export: the same parameters under the same names as transformers' BertForSequenceClassification,
with a graph that every converter accepts.

What it replaces: transformers builds its attention mask with data-dependent helpers that Core ML's
converter has no operation for, and fills it with the dtype's minimum, which is −inf in fp16. Here the mask
is additive, 4-D and −3e4, which softmax turns into an exact 0 in both fp32 and fp16.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

MASKED = -3e4  # fits fp16 (max 65504) with room for the scores it is added to


class Embeddings(nn.Module):
    """Word + position + token-type embeddings, normalised."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor) -> Tensor:
        # A slice, not a gather: positions are 0…L−1 by definition, and a slice costs nothing at run time.
        positions = self.position_embeddings.weight[: input_ids.shape[1]].unsqueeze(0)
        words = self.word_embeddings(input_ids) + self.token_type_embeddings(token_type_ids)
        return self.LayerNorm(words + positions)


class SelfAttention(nn.Module):
    """Scaled dot-product attention over `heads` (Vaswani et al., 2017)."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.head_size = config.hidden_size // self.heads
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.heads, self.head_size).transpose(1, 2)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        # The query is scaled before the product, so that fp16 scores stay small.
        query = self._split(self.query(hidden)) * (1.0 / math.sqrt(self.head_size))
        scores = query @ self._split(self.key(hidden)).transpose(-1, -2) + mask
        context = torch.softmax(scores, dim=-1) @ self._split(self.value(hidden))
        return context.transpose(1, 2).reshape(hidden.shape)


class AddNorm(nn.Module):
    """A projection, the residual, and LayerNorm after it (post-norm)."""

    def __init__(self, inner: int, config: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + residual)


class Attention(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.self = SelfAttention(config)
        self.output = AddNorm(config.hidden_size, config)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        return self.output(self.self(hidden, mask), hidden)


class Intermediate(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return nn.functional.gelu(self.dense(hidden))


class Layer(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Intermediate(config)
        self.output = AddNorm(config.intermediate_size, config)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        attended = self.attention(hidden, mask)
        return self.output(self.intermediate(attended), attended)


class Encoder(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        for layer in self.layer:
            hidden = layer(hidden, mask)
        return hidden


class Pooler(nn.Module):
    """The first token, through a dense layer and tanh."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.tanh(self.dense(hidden[:, 0]))


class Bert(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.pooler = Pooler(config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        mask = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * MASKED
        return self.pooler(self.encoder(self.embeddings(input_ids, token_type_ids), mask))


class BertForExport(nn.Module):
    """A BERT sequence classifier.

    Args of `forward`:
        input_ids, attention_mask, token_type_ids: `[B, L]`, integers; L ≤ max_position_embeddings.

    Returns of `forward`:
        Logits `[B, C]`, float32.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.bert = Bert(config)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        return self.classifier(self.bert(input_ids, attention_mask, token_type_ids))


def unsupported(config: Any) -> str | None:
    """Why this configuration can't be expressed here, or None."""
    if config.hidden_act not in ("gelu", "gelu_python"):
        return f"hidden_act is {config.hidden_act!r}; only the exact gelu is built"
    if getattr(config, "position_embedding_type", "absolute") not in (None, "absolute"):
        return f"position_embedding_type is {config.position_embedding_type!r}; only absolute is built"
    if getattr(config, "is_decoder", False) or getattr(config, "add_cross_attention", False):
        return "it is a decoder"
    return None


def build(config: Any, state: dict[str, Tensor], max_length: int | None) -> BertForExport:
    """The twin of a BertForSequenceClassification with this configuration and state dict.

    Raises:
        RuntimeError: a weight is missing, left over, or of another shape.
    """
    config = copy.deepcopy(config)
    config.max_position_embeddings = min(config.max_position_embeddings, max_length or 10**9)
    positions = "bert.embeddings.position_embeddings.weight"
    state = {**state, positions: state[positions][: config.max_position_embeddings].clone()}
    module = BertForExport(config)
    module.load_state_dict(state, strict=True)
    return module
