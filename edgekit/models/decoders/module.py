"""The decoder with a key-value cache that all families are built as.

The caches are buffers that a call writes and later calls read, so that Core ML keeps them as states. Inputs,
states and the output carry the names that swift-transformers looks for; weights carry Llama's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgekit.models.decoders.alibi import alibi_table
from edgekit.models.decoders.config import DecoderConfig
from edgekit.models.decoders.rotary import angles
from edgekit.models.families.blocks import ACTIVATIONS, MASKED, rotate
from edgekit.types import Signature, TensorSpec

KEYS, VALUES = "keyCache", "valueCache"


class RMSNorm(nn.Module):
    """x / √(mean(x²) + ε) · weight (Zhang and Sennrich, 2019), in a form that half precision survives.

    Residual streams reach tens of thousands, and their squares leave fp16. The mean of [x, −x] is 0, so
    LayerNorm over it, which Core ML computes as one operation, divides by the same root.
    """

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.size, self.eps = size, eps
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        both = nn.functional.layer_norm(torch.cat((x, -x), dim=-1), (2 * self.size,), eps=self.eps)
        return both[..., : self.size] * self.weight


def make_norm(config: DecoderConfig) -> nn.Module:
    """The family's norm over the hidden size."""
    kind = RMSNorm if config.norm == "rms" else nn.LayerNorm
    return kind(config.hidden, eps=config.epsilon)


@dataclass(frozen=True, slots=True)
class View:
    """What full or sliding layers need of one call.

    `cos`, `sin`: `[T, r]`, of the new positions, None without rotary; `mask`: additive, ALiBi included,
    `[1, 1 or K, G·T, E]`, for each query head of a group.
    """

    cos: Tensor | None
    sin: Tensor | None
    mask: Tensor


@dataclass(frozen=True, slots=True)
class Step:
    """What every layer needs of one call.

    `keys`, `values`: the caches `[N, 1, K, C, d]`; `past`, `end`: tokens in them before and after.
    """

    keys: Tensor
    values: Tensor
    past: int
    end: int
    full: View
    sliding: View


class Attention(nn.Module):
    """Attention with a group of query heads for each key head (Ainslie et al., 2023)."""

    def __init__(self, config: DecoderConfig, index: int) -> None:
        super().__init__()
        self.index, self.width, self.scale = index, config.width, config.score_scale
        self.heads, self.key_heads = config.heads, config.key_heads
        self.slides = bool(config.sliding) and config.sliding[index]
        rotary = config.rotary_of(index)
        self.turned = 0 if rotary is None else rotary.width
        queries, keys = config.heads * config.width, config.key_heads * config.width
        self.q_proj = nn.Linear(config.hidden, queries, bias=config.attention_bias)
        self.k_proj = nn.Linear(config.hidden, keys, bias=config.attention_bias)
        self.v_proj = nn.Linear(config.hidden, keys, bias=config.attention_bias)
        self.o_proj = nn.Linear(queries, config.hidden, bias=config.output_bias)
        normed = config.query_key_norm
        self.q_norm = RMSNorm(config.width, config.epsilon) if normed else nn.Identity()
        self.k_norm = RMSNorm(config.width, config.epsilon) if normed else nn.Identity()

    def _split(self, x: Tensor, heads: int) -> Tensor:
        return x.reshape(1, -1, heads, self.width).transpose(1, 2)

    def _turned(self, x: Tensor, view: View) -> Tensor:
        if view.cos is None or view.sin is None:
            return x
        if self.turned == self.width:
            return rotate(x, view.cos, view.sin)
        turned, rest = x.split((self.turned, self.width - self.turned), dim=-1)
        return torch.cat((rotate(turned, view.cos, view.sin), rest), dim=-1)

    def forward(self, hidden: Tensor, step: Step) -> Tensor:
        view = step.sliding if self.slides else step.full
        query = self._turned(self.q_norm(self._split(self.q_proj(hidden), self.heads)), view)
        key = self._turned(self.k_norm(self._split(self.k_proj(hidden), self.key_heads)), view)
        step.keys[self.index, :, :, step.past : step.end] = key
        step.values[self.index, :, :, step.past : step.end] = self._split(self.v_proj(hidden), self.key_heads)
        # A group's queries stand below one another, so that the caches are not repeated for each of them.
        query = (query * self.scale).reshape(1, self.key_heads, -1, self.width)
        keys, values = (cache[self.index, :, :, : step.end] for cache in (step.keys, step.values))
        mixed = torch.softmax(query @ keys.transpose(-1, -2) + view.mask, dim=-1) @ values
        joined = mixed.reshape(1, self.heads, -1, self.width).transpose(1, 2)
        return self.o_proj(joined.reshape(1, -1, self.heads * self.width))


class FeedForward(nn.Module):
    """Two matrices with an activation between, or three with a gate."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        outer, inner, bias = config.hidden, config.inner, config.mlp_bias
        self.gate_proj = nn.Linear(outer, inner, bias=bias) if config.gated else None
        self.up_proj = nn.Linear(outer, inner, bias=bias)
        self.down_proj = nn.Linear(inner, outer, bias=bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, hidden: Tensor) -> Tensor:
        up = self.up_proj(hidden)
        if self.gate_proj is None:
            return self.down_proj(self.activation(up))
        return self.down_proj(self.activation(self.gate_proj(hidden)) * up)


class Layer(nn.Module):
    """Attention and feed-forward network, one after the other or side by side."""

    def __init__(self, config: DecoderConfig, index: int) -> None:
        super().__init__()
        self.parallel = config.block != "sequential"
        self.input_layernorm = make_norm(config)
        self.self_attn = Attention(config, index)
        self.attention_out_norm = make_norm(config) if config.out_norms else nn.Identity()
        self.post_attention_layernorm = make_norm(config) if config.block != "parallel" else None
        self.mlp = FeedForward(config)
        self.mlp_out_norm = make_norm(config) if config.out_norms else nn.Identity()

    def forward(self, hidden: Tensor, step: Step) -> Tensor:
        normed = self.input_layernorm(hidden)
        attended = self.attention_out_norm(self.self_attn(normed, step))
        between = hidden if self.parallel else hidden + attended
        if self.post_attention_layernorm is not None:
            normed = self.post_attention_layernorm(between)
        fed = self.mlp_out_norm(self.mlp(normed))
        return hidden + attended + fed if self.parallel else between + fed


class Decoder(nn.Module):
    """A stack of layers over a token table, with caches for `context` tokens.

    Args of `forward`:
        input_ids: `[1, T]`, integers: the new tokens.
        causal_mask: `[1, 1, T, P + T]`, see `causal_mask`; P tokens are in the caches already.

    Returns of `forward`:
        Logits `[1, T, V]`; the caches hold P + T tokens afterwards.
    """

    keyCache: Tensor
    valueCache: Tensor
    cos: Tensor | None
    sin: Tensor | None
    sliding_cos: Tensor | None
    sliding_sin: Tensor | None
    alibi: Tensor | None
    counted: Tensor | None
    states = (KEYS, VALUES)  # buffers that outlive a call

    def __init__(self, config: DecoderConfig, context: int) -> None:
        super().__init__()
        self.config, self.context = config, context
        self.embed_tokens = nn.Embedding(config.vocabulary, config.hidden)
        positions = config.positions if config.learned_positions else 0
        self.embed_positions = nn.Embedding(positions, config.hidden) if positions else None
        self.layers = nn.ModuleList(Layer(config, i) for i in range(config.layers))
        self.norm = make_norm(config)
        self.lm_head = nn.Linear(config.hidden, config.vocabulary, bias=config.head_bias)
        shape = (config.layers, 1, config.key_heads, context, config.width)
        self.register_buffer(KEYS, torch.zeros(shape, device="cpu"), persistent=False)
        self.register_buffer(VALUES, torch.zeros(shape, device="cpu"), persistent=False)
        with torch.device("cpu"):
            self._tabulate()

    def _tabulate(self) -> None:
        """Makes what depends on positions alone."""
        config, context = self.config, self.context
        kinds = {"": config.rotary, "sliding_": config.sliding_rotary}
        for prefix, rotary in kinds.items():
            tables = (None, None) if rotary is None else angles(rotary, context)
            for name, table in zip(("cos", "sin"), tables, strict=True):
                both = None if table is None else torch.cat((table, table), dim=-1)
                self.register_buffer(prefix + name, both, persistent=False)
        bias = alibi_table(config.heads, context, config.score_scale) if config.alibi else None
        self.register_buffer("alibi", bias, persistent=False)
        narrow = any(config.slides(i, context) for i in range(config.layers))
        # Integers: half precision can't count beyond 2048.
        counted = torch.arange(context, dtype=torch.int32) if narrow else None
        self.register_buffer("counted", counted, persistent=False)

    @property
    def signature(self) -> Signature:
        """As Core ML states it: batch 1; `tokens` are new, `end` counts those in the caches too."""
        return Signature(
            task="text-generation",
            inputs=(
                TensorSpec("inputIds", (1, "tokens"), "int32"),
                TensorSpec("causalMask", (1, 1, "tokens", "end"), "float16"),
            ),
            outputs=(TensorSpec("logits", (1, "tokens", self.config.vocabulary), "float16"),),
            max_length=self.context,
        )

    def forget(self) -> None:
        """Empties the caches."""
        self.keyCache.zero_()
        self.valueCache.zero_()

    def _views(self, causal_mask: Tensor, past: int, end: int) -> tuple[View, View]:
        config, narrowed = self.config, causal_mask
        if self.counted is not None and config.window is not None:
            distance = self.counted[past:end].unsqueeze(-1) - self.counted[:end].unsqueeze(0)
            narrowed = causal_mask.masked_fill(distance >= config.window, MASKED)
        cos, sin = (None if t is None else t[past:end] for t in (self.cos, self.sin))
        full = View(cos, sin, self._grouped(causal_mask, end))
        if narrowed is causal_mask and self.sliding_cos is None:
            return full, full
        if self.sliding_cos is not None and self.sliding_sin is not None:
            cos, sin = self.sliding_cos[past:end], self.sliding_sin[past:end]
        return full, View(cos, sin, self._grouped(narrowed, end))

    def _grouped(self, mask: Tensor, end: int) -> Tensor:
        """`[1, 1, T, E]` → `[1, 1 or K, G·T, E]`."""
        config = self.config
        if self.alibi is None:
            return mask.repeat(1, 1, config.group, 1)
        bias = self.alibi[:, :end].reshape(config.key_heads, config.group, 1, -1)
        return (bias + mask[0]).flatten(1, 2).unsqueeze(0)

    def forward(self, input_ids: Tensor, causal_mask: Tensor) -> Tensor:
        end = causal_mask.shape[-1]
        past = end - input_ids.shape[-1]
        full, sliding = self._views(causal_mask, past, end)
        step = Step(self.keyCache, self.valueCache, past, end, full, sliding)
        hidden = self.embed_tokens(input_ids)
        if self.config.embedding_scale != 1.0:
            hidden = hidden * self.config.embedding_scale
        if self.embed_positions is not None:
            hidden = hidden + self.embed_positions.weight[past:end].unsqueeze(0)
        for layer in self.layers:
            hidden = layer(hidden, step)
        logits = self.lm_head(self.norm(hidden))
        cap = self.config.logit_cap
        return logits if cap is None else torch.tanh(logits / cap) * cap


def causal_mask(new: int, past: int) -> Tensor:
    """`[1, 1, new, past + new]` float32: 0 where a new token may look, −3e4 at those after it."""
    later = torch.ones(new, past + new, dtype=torch.bool).triu(past + 1)
    return (later * MASKED)[None, None]
