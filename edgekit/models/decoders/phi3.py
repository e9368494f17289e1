"""Phi-3, Phi-3.5 and Phi-4-mini: Llama's form with fused matrices and LongRoPE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from edgekit.models.decoders.config import DecoderConfig
from edgekit.models.decoders.rotary import read_rotary
from edgekit.models.decoders.weights import renamed, taken_apart


def read(config: Any) -> DecoderConfig:
    """From Phi3Config. A long-context model is built up to the length where its angles change."""
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    long = config.rope_parameters["rope_type"] == "longrope"
    first = config.rope_parameters.get("original_max_position_embeddings", config.max_position_embeddings)
    return DecoderConfig(
        family="phi3",
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        key_heads=config.num_key_value_heads,
        width=width,
        inner=config.intermediate_size,
        positions=min(first, config.max_position_embeddings) if long else config.max_position_embeddings,
        activation=config.hidden_act,
        gated=True,
        norm="rms",
        epsilon=config.rms_norm_eps,
        rotary=read_rotary(config, width=width, partial=True),
        window=config.sliding_window,
        sliding=() if config.sliding_window is None else (True,) * config.num_hidden_layers,
        tied=config.tie_word_embeddings,
    )


def weights(state: Mapping[str, Tensor], config: DecoderConfig) -> dict[str, Tensor]:
    """Phi-3's names → the module's, with queries, keys, values, gates and ups apart."""
    queries, keys = config.heads * config.width, config.key_heads * config.width
    found = taken_apart(
        renamed(state, [(r"^model\.", "")]),
        "qkv_proj",
        {
            "q_proj": slice(0, queries),
            "k_proj": slice(queries, queries + keys),
            "v_proj": slice(queries + keys, queries + 2 * keys),
        },
    )
    halves = {"gate_proj": slice(0, config.inner), "up_proj": slice(config.inner, 2 * config.inner)}
    return taken_apart(found, "gate_up_proj", halves)
