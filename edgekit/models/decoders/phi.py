"""Phi-1, Phi-1.5 and Phi-2: attention and feed-forward network side by side, rotary on part of a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from edgekit.models.decoders.config import DecoderConfig, refuse
from edgekit.models.decoders.rotary import read_rotary
from edgekit.models.decoders.weights import renamed


def read(config: Any) -> DecoderConfig:
    """From PhiConfig."""
    if config.qk_layernorm:
        raise refuse(config, "qk_layernorm is set")
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return DecoderConfig(
        family="phi",
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        key_heads=config.num_key_value_heads,
        width=width,
        inner=config.intermediate_size,
        positions=config.max_position_embeddings,
        activation=config.hidden_act,
        gated=False,
        norm="layer",
        epsilon=config.layer_norm_eps,
        block="parallel",
        attention_bias=True,
        output_bias=True,
        mlp_bias=True,
        head_bias=True,
        rotary=read_rotary(config, width=width, partial=True),
        tied=config.tie_word_embeddings,
    )


def weights(state: Mapping[str, Tensor], config: DecoderConfig) -> dict[str, Tensor]:
    """Phi's names → the module's."""
    return renamed(
        state,
        [
            (r"^model\.", ""),
            (r"^final_layernorm\.", "norm."),
            (r"\.self_attn\.dense\.", ".self_attn.o_proj."),
            (r"\.mlp\.fc1\.", ".mlp.up_proj."),
            (r"\.mlp\.fc2\.", ".mlp.down_proj."),
        ],
    )
