"""DeBERTa-v2 and -v3 (He et al., 2021) for export: attention by content and by relative position, apart.

What it replaces: transformers projects its table of position buckets in every layer and every call, scores
each token against all of them, and gathers the entry of each pair from `[B, H, L, 2·buckets]`. Here the
projected positions, one row per distance, are worked out once at export; tokens are scored against the 2L − 1
distances that occur, and a pad and two reshapes put distance i − j at `[i, j]` (Dai et al., 2019). It costs
two tables of 2·max_length − 1 rows per layer, and needs no gather.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.models.families.blocks import (
    ACTIVATIONS,
    Attention,
    Embeddings,
    Layer,
    Table,
    additive_mask,
    cut_positions,
    mix,
    split_heads,
    unknown_activation,
)
from edgekit.models.families.twin import Head, Twin, assemble, dense_head, token_head, vocabulary_head


def align(scores: Tensor) -> Tensor:
    """`[B, H, L, 2L − 1]` → `[B, H, L, L]`: entry `[i, j]` is column L − 1 − i + j of row i."""
    batch, heads, length, _ = scores.shape
    flat = nn.functional.pad(scores, (1, 0)).reshape(batch, heads, 2 * length * length)
    return flat[..., length:].reshape(batch, heads, length, 2 * length - 1)[..., :length]


def table_rows(config: Any, length: int) -> Tensor:
    """Row of the relative table for each distance −(length − 1) … length − 1, int64 `[2·length − 1]`."""
    from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

    told = getattr(config, "max_relative_positions", -1)
    farthest = told if told > 0 else config.max_position_embeddings
    buckets = getattr(config, "position_buckets", -1)
    half = buckets if buckets > 0 else farthest
    distances = torch.arange(1 - length, length)
    if buckets > 0:
        distances = make_log_bucket_position(distances, buckets, farthest).to(torch.int64)
    return torch.clamp(distances + half, 0, 2 * half - 1)


def _head_size(config: Any) -> int:
    return getattr(config, "attention_head_size", config.hidden_size // config.num_attention_heads)


def _scale(config: Any) -> float:
    """A sum of n scores over d products each is divided by √(n·d)."""
    return 1.0 / math.sqrt(_head_size(config) * (1 + len({"c2p", "p2c"} & set(config.pos_att_type or ()))))


class DisentangledAttention(nn.Module):
    """Content to content, content to position and position to content, summed before softmax."""

    def __init__(self, config: Any, length: int) -> None:
        super().__init__()
        self.length = length
        self.heads = config.num_attention_heads
        width = self.heads * _head_size(config)
        self.query_proj = nn.Linear(config.hidden_size, width)
        self.key_proj = nn.Linear(config.hidden_size, width)
        self.value_proj = nn.Linear(config.hidden_size, width)
        kinds = config.pos_att_type or ()
        # Projected positions: keys by falling distance L−1 … 1−L, queries by rising distance.
        self.pos_key = self.pos_query = None
        if config.relative_attention and "c2p" in kinds:
            self.pos_key = Table(2 * length - 1, width)
        if config.relative_attention and "p2c" in kinds:
            self.pos_query = Table(2 * length - 1, width)
        self.scale = _scale(config)

    def _distances(self, table: Table, length: int) -> Tensor:
        """`[1, H, d, 2L − 1]`, of the distances that L tokens can have."""
        first = self.length - length
        rows = table.weight[first : first + 2 * length - 1]
        return split_heads(rows.unsqueeze(0), self.heads).transpose(-1, -2)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        length = hidden.shape[1]
        # Scaled before the products, so that fp16 scores stay small.
        query = split_heads(self.query_proj(hidden), self.heads) * self.scale
        key = split_heads(self.key_proj(hidden), self.heads)
        scores = query @ key.transpose(-1, -2) + mask
        if self.pos_key is not None:
            scores = scores + align(query @ self._distances(self.pos_key, length))
        if self.pos_query is not None:
            scores = scores + align(key @ self._distances(self.pos_query, length)).transpose(-1, -2)
        return mix(scores, split_heads(self.value_proj(hidden), self.heads))


class Convolution(nn.Module):
    """What the xlarge models add to their first layer: neighbouring tokens mixed."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        size = config.conv_kernel_size
        self.conv = nn.Conv1d(
            config.hidden_size,
            config.hidden_size,
            size,
            padding=(size - 1) // 2,
            groups=getattr(config, "conv_groups", 1),
        )
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.activation = ACTIVATIONS[getattr(config, "conv_act", "tanh")]

    def forward(self, embedded: Tensor, layer: Tensor) -> Tensor:
        mixed = self.conv(embedded.transpose(1, 2)).transpose(1, 2)
        return self.LayerNorm(layer + self.activation(mixed))


class Encoder(nn.Module):
    """The layers, with the convolution after the first one where there is one."""

    def __init__(self, config: Any, length: int) -> None:
        super().__init__()
        self.layer = nn.ModuleList(
            Layer(config, Attention(config, DisentangledAttention(config, length)))
            for _ in range(config.num_hidden_layers)
        )
        self.conv = Convolution(config) if getattr(config, "conv_kernel_size", 0) > 0 else None

    def forward(self, embedded: Tensor, mask: Tensor) -> Tensor:
        hidden = embedded
        for i, layer in enumerate(self.layer):
            hidden = layer(hidden, mask)
            if i == 0 and self.conv is not None:
                hidden = self.conv(embedded, hidden)
        return hidden


class DebertaEmbeddings(Embeddings):
    """Embeddings of `embedding_size`, projected; v3 has no positions and no token types here."""

    def __init__(self, config: Any, positions: int) -> None:
        size = getattr(config, "embedding_size", config.hidden_size)
        super().__init__(
            config,
            size=size,
            eps=config.layer_norm_eps,
            positions=positions,
            types=config.type_vocab_size,
        )
        self.embed_proj = (
            None if size == config.hidden_size else nn.Linear(size, config.hidden_size, bias=False)
        )
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def combine(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        combined = super().combine(input_ids, token_type_ids)
        return combined if self.embed_proj is None else self.embed_proj(combined)


class Deberta(nn.Module):
    """Embeddings and layers."""

    def __init__(self, config: Any, max_length: int | None) -> None:
        super().__init__()
        self.config = config
        self.length = max_length or config.max_position_embeddings
        if config.position_biased_input:
            self.length = min(self.length, config.max_position_embeddings)
        self.embeddings = DebertaEmbeddings(config, self.length if config.position_biased_input else 0)
        self.encoder = Encoder(config, self.length)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        embedded = self.embeddings(input_ids, token_type_ids)
        if self.encoder.conv is not None:  # it alone would look at padding
            embedded = embedded * attention_mask.unsqueeze(-1).to(embedded.dtype)
        return self.encoder(embedded, additive_mask(attention_mask))

    def adapt(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        config = self.config
        adapted = cut_positions(weights, self.length) if config.position_biased_input else dict(weights)
        if not config.relative_attention:
            return adapted
        table = adapted.pop("encoder.rel_embeddings.weight")
        if "layer_norm" in getattr(config, "norm_rel_ebd", "none"):
            scale, shift = (adapted.pop(f"encoder.LayerNorm.{part}") for part in ("weight", "bias"))
            table = nn.functional.layer_norm(table, scale.shape, scale, shift, config.layer_norm_eps)
        table = table[table_rows(config, self.length)]
        for i in range(config.num_hidden_layers):
            _project_positions(config, adapted, table, f"encoder.layer.{i}.attention.self.")
        return adapted


def _project_positions(config: Any, weights: dict[str, Tensor], table: Tensor, where: str) -> None:
    """Puts the positions, projected, in the place of their projections.

    Args:
        weights: transformers' weights, changed here; those of the attention start with `where`.
        table: relative embedding of each distance, rising, `[2·length − 1, D]`.
    """

    def project(own: str, shared: str) -> Tensor:
        weight, bias = (weights.pop(f"{where}{own}.{part}", None) for part in ("weight", "bias"))
        if weight is None:
            weight, bias = (weights[f"{where}{shared}.{part}"] for part in ("weight", "bias"))
        return nn.functional.linear(table, weight, bias)

    kinds = config.pos_att_type or ()
    if "c2p" in kinds:
        weights[f"{where}pos_key.weight"] = project("pos_key_proj", "key_proj").flip(0)
    if "p2c" in kinds:
        weights[f"{where}pos_query.weight"] = project("pos_query_proj", "query_proj") * _scale(config)


def _vocabulary_head(config: Any) -> Head:
    where = "cls.predictions.transform" if config.legacy else "lm_predictions.lm_head"
    decoder = "cls.predictions.decoder" if config.legacy else "lm_predictions.lm_head.decoder"
    size = getattr(config, "embedding_size", config.hidden_size) if config.legacy else config.hidden_size
    act = ACTIVATIONS[config.hidden_act]
    return vocabulary_head(config, f"{where}.dense", act, f"{where}.LayerNorm", decoder, size=size)


HEADS = {
    "text-classification": lambda c: dense_head(
        c, "pooler.dense", ACTIVATIONS[c.pooler_hidden_act], "classifier", size=c.pooler_hidden_size
    ),
    "token-classification": token_head,
    "fill-mask": _vocabulary_head,
}


def unsupported(config: Any) -> str | None:
    """Why this configuration can't be expressed here, or None."""
    if getattr(config, "conv_kernel_size", 0) > 0 and getattr(config, "conv_act", "tanh") not in ACTIVATIONS:
        return f"conv_act is {config.conv_act!r}"
    return unknown_activation(config, "hidden_act", "pooler_hidden_act")


def build(
    config: Any, state: dict[str, Tensor], max_length: int | None, task: str = "text-classification"
) -> Twin:
    """The twin of a transformers DeBERTa-v2 or -v3 with this configuration and state dict.

    Raises:
        RuntimeError: a weight is missing, left over, or of another shape.
    """
    head = "lm_predictions.lm_head."
    if f"{head}bias" in state:
        # The newer masked-LM head multiplies by the token table, and has a bias of its own.
        words = state["deberta.embeddings.word_embeddings.weight"]
        state = {**state, f"{head}decoder.weight": words, f"{head}decoder.bias": state[f"{head}bias"]}
        del state[f"{head}bias"]
    return assemble(
        "deberta",
        Deberta(config, max_length),
        HEADS,
        config=config,
        state=state,
        task=task,
        unused=("cls.predictions.bias",),
    )
