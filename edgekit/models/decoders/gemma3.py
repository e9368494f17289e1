"""Gemma 3's text model: norms around everything, and windows on most layers with angles of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from edgekit.models.decoders.config import DecoderConfig, refuse
from edgekit.models.decoders.rotary import read_rotary
from edgekit.models.decoders.weights import renamed


def read(config: Any) -> DecoderConfig:
    """From Gemma3TextConfig."""
    if config.use_bidirectional_attention:
        raise refuse(config, "use_bidirectional_attention is set")
    if config.attn_logit_softcapping is not None:
        raise refuse(config, "attn_logit_softcapping is set, which transformers ignores in this family")
    return DecoderConfig(
        family="gemma3_text",
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        key_heads=config.num_key_value_heads,
        width=config.head_dim,
        inner=config.intermediate_size,
        positions=config.max_position_embeddings,
        activation=config.hidden_activation,
        gated=True,
        norm="rms",
        epsilon=config.rms_norm_eps,
        out_norms=True,
        query_key_norm=True,
        attention_bias=config.attention_bias,
        output_bias=config.attention_bias,
        scale=config.query_pre_attn_scalar**-0.5,
        rotary=read_rotary(config, width=config.head_dim, layer_type="full_attention"),
        sliding_rotary=read_rotary(config, width=config.head_dim, layer_type="sliding_attention"),
        window=config.sliding_window,
        sliding=tuple(kind == "sliding_attention" for kind in config.layer_types),
        embedding_scale=config.hidden_size**0.5,
        logit_cap=config.final_logit_softcapping,
        tied=config.tie_word_embeddings,
    )


def weights(state: Mapping[str, Tensor], config: DecoderConfig) -> dict[str, Tensor]:
    """Gemma's names → the module's. It stores norms as their distance from 1."""
    named = renamed(
        state,
        [
            (r"^model\.", ""),
            (r"\.post_attention_layernorm\.", ".attention_out_norm."),
            (r"\.pre_feedforward_layernorm\.", ".post_attention_layernorm."),
            (r"\.post_feedforward_layernorm\.", ".mlp_out_norm."),
        ],
    )
    return {name: value + 1.0 if "norm" in name else value for name, value in named.items()}
