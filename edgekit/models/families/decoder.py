"""A decoder with a key-value cache, for export: Llama's form (Touvron et al., 2023), which SmolLM shares.

The caches are buffers that a call writes and later calls read, so that Core ML keeps them as states. Inputs,
states and the output carry the names that swift-transformers looks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.errors import ExportError
from edgekit.models.families.blocks import ACTIVATIONS, MASKED, rotate, unknown_activation
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


@dataclass(frozen=True, slots=True)
class Step:
    """What every layer needs of one call.

    `keys`, `values`: the caches `[N, 1, K, C, d]`; `past`, `end`: tokens in them before and after;
    `cos`, `sin`: `[T, d]`, of the new positions; `mask`: `[1, 1, G·T, E]`, for each query head of a group.
    """

    keys: Tensor
    values: Tensor
    past: int
    end: int
    cos: Tensor
    sin: Tensor
    mask: Tensor


class Attention(nn.Module):
    """Rotary attention with a group of query heads for each key head (Ainslie et al., 2023)."""

    def __init__(self, config: Any, index: int, width: int) -> None:
        super().__init__()
        self.index, self.width = index, width
        self.heads, self.key_heads = config.num_attention_heads, config.num_key_value_heads
        hidden, bias = config.hidden_size, config.attention_bias
        self.q_proj = nn.Linear(hidden, self.heads * width, bias=bias)
        self.k_proj = nn.Linear(hidden, self.key_heads * width, bias=bias)
        self.v_proj = nn.Linear(hidden, self.key_heads * width, bias=bias)
        self.o_proj = nn.Linear(self.heads * width, hidden, bias=bias)

    def _split(self, x: Tensor, heads: int) -> Tensor:
        return x.reshape(1, -1, heads, self.width).transpose(1, 2)

    def forward(self, hidden: Tensor, step: Step) -> Tensor:
        query = rotate(self._split(self.q_proj(hidden), self.heads), step.cos, step.sin)
        key = rotate(self._split(self.k_proj(hidden), self.key_heads), step.cos, step.sin)
        step.keys[self.index, :, :, step.past : step.end] = key
        step.values[self.index, :, :, step.past : step.end] = self._split(self.v_proj(hidden), self.key_heads)
        # A group's queries stand below one another, so that the caches are not repeated for each of them.
        query = (query * self.width**-0.5).reshape(1, self.key_heads, -1, self.width)
        keys, values = (cache[self.index, :, :, : step.end] for cache in (step.keys, step.values))
        mixed = torch.softmax(query @ keys.transpose(-1, -2) + step.mask, dim=-1) @ values
        joined = mixed.reshape(1, self.heads, -1, self.width).transpose(1, 2)
        return self.o_proj(joined.reshape(1, -1, self.heads * self.width))


class FeedForward(nn.Module):
    """SwiGLU (Shazeer, 2020)."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        outer, inner, bias = config.hidden_size, config.intermediate_size, config.mlp_bias
        self.gate_proj = nn.Linear(outer, inner, bias=bias)
        self.up_proj = nn.Linear(outer, inner, bias=bias)
        self.down_proj = nn.Linear(inner, outer, bias=bias)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, hidden: Tensor) -> Tensor:
        return self.down_proj(self.activation(self.gate_proj(hidden)) * self.up_proj(hidden))


class Layer(nn.Module):
    """Attention and feed-forward network, each with its norm before it."""

    def __init__(self, config: Any, index: int, width: int) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config, index, width)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config)

    def forward(self, hidden: Tensor, step: Step) -> Tensor:
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), step)
        return hidden + self.mlp(self.post_attention_layernorm(hidden))


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
    cos: Tensor
    sin: Tensor
    states = (KEYS, VALUES)  # buffers that outlive a call

    def __init__(self, config: Any, context: int) -> None:
        from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

        super().__init__()
        self.context, self.vocabulary = context, config.vocab_size
        self.group = config.num_attention_heads // config.num_key_value_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config, i, width) for i in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.embed_tokens.weight
        shape = (config.num_hidden_layers, 1, config.num_key_value_heads, context, width)
        self.register_buffer(KEYS, torch.zeros(shape), persistent=False)
        self.register_buffer(VALUES, torch.zeros(shape), persistent=False)
        # The angles are worked out here: position × frequency would be wrong in fp16.
        cos, sin = LlamaRotaryEmbedding(config)(torch.zeros(1), torch.arange(context).unsqueeze(0))
        self.register_buffer("cos", cos[0].clone(), persistent=False)
        self.register_buffer("sin", sin[0].clone(), persistent=False)

    @property
    def signature(self) -> Signature:
        """As Core ML states it: batch 1; `tokens` are new, `end` counts those in the caches too."""
        return Signature(
            task="text-generation",
            inputs=(
                TensorSpec("inputIds", (1, "tokens"), "int32"),
                TensorSpec("causalMask", (1, 1, "tokens", "end"), "float16"),
            ),
            outputs=(TensorSpec("logits", (1, "tokens", self.vocabulary), "float16"),),
            max_length=self.context,
        )

    def forget(self) -> None:
        """Empties the caches."""
        self.keyCache.zero_()
        self.valueCache.zero_()

    def forward(self, input_ids: Tensor, causal_mask: Tensor) -> Tensor:
        end = causal_mask.shape[-1]
        past = end - input_ids.shape[-1]
        mask = causal_mask.repeat(1, 1, self.group, 1)
        step = Step(self.keyCache, self.valueCache, past, end, self.cos[past:end], self.sin[past:end], mask)
        hidden = self.embed_tokens(input_ids)
        for layer in self.layers:
            hidden = layer(hidden, step)
        return self.lm_head(self.norm(hidden))


def causal_mask(new: int, past: int) -> Tensor:
    """`[1, 1, new, past + new]` float32: 0 where a new token may look, −3e4 at those after it."""
    later = torch.ones(new, past + new, dtype=torch.bool).triu(past + 1)
    return (later * MASKED)[None, None]


def unsupported(config: Any) -> str | None:
    """Why this configuration can't be expressed here, or None."""
    if config.model_type != "llama":
        return f"its model_type is {config.model_type!r}; only llama is built"
    kind = config.rope_parameters["rope_type"]
    if kind in ("dynamic", "longrope"):
        return f"rope_type is {kind!r}, whose angles depend on the length of the text"
    return unknown_activation(config, "hidden_act")


def build(config: Any, state: Mapping[str, Tensor], context: int) -> Decoder:
    """The export-ready twin of a transformers LlamaForCausalLM, in evaluation mode.

    Args:
        config: its configuration.
        state: its state dict.
        context: tokens that the caches hold; at most what the model was made for.

    Raises:
        ExportError: the configuration can't be expressed, the context is too long, or a weight is missing,
            left over, or of another shape.
    """
    why = unsupported(config)
    if why:
        raise ExportError(f"This decoder has no export module: {why}.", remedy="Use a Llama or SmolLM model.")
    if not 1 < context <= config.max_position_embeddings:
        raise ExportError(
            f"A context of {context} tokens does not fit this model.",
            remedy=f"Use 2 to {config.max_position_embeddings}, the model's own limit.",
        )
    decoder = Decoder(config, context)
    weights = {name.removeprefix("model."): value for name, value in state.items()}
    if config.tie_word_embeddings:
        weights["lm_head.weight"] = weights["embed_tokens.weight"]
    try:
        decoder.load_state_dict(weights)
    except RuntimeError as error:
        raise ExportError(
            f"The weights of this {config.model_type} model do not fit its export module: {error}",
            remedy="Check that config.json belongs to these weights.",
        ) from error
    return decoder.eval()
