"""Falcon (Almazrouei et al., 2023): multi-query or grouped, attention beside the feed-forward network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from edgekit.models.decoders.config import DecoderConfig, refuse
from edgekit.models.decoders.rotary import read_rotary
from edgekit.models.decoders.weights import renamed, taken_apart


def read(config: Any) -> DecoderConfig:
    """From FalconConfig; `new_decoder_architecture` overrides `multi_query` and `parallel_attn`."""
    new = config.new_decoder_architecture
    norms = config.num_ln_in_parallel_attn or (2 if new else 1)
    if norms not in (1, 2):
        raise refuse(config, f"num_ln_in_parallel_attn is {norms}")
    if norms == 2 and not new:
        raise refuse(config, "num_ln_in_parallel_attn is 2 without new_decoder_architecture")
    heads = config.num_attention_heads
    beside: Literal["parallel", "parallel-two-norms"] = "parallel-two-norms" if norms == 2 else "parallel"
    return DecoderConfig(
        family="falcon",
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=heads,
        key_heads=config.num_kv_heads if new else 1 if config.multi_query else heads,
        width=config.head_dim,
        inner=config.ffn_hidden_size,
        positions=config.max_position_embeddings,
        activation=config.activation,
        gated=False,
        norm="layer",
        epsilon=config.layer_norm_epsilon,
        block=beside if new or config.parallel_attn else "sequential",
        attention_bias=config.bias,
        output_bias=config.bias,
        mlp_bias=config.bias,
        rotary=None if config.alibi else read_rotary(config, width=config.head_dim),
        alibi=config.alibi,
        tied=config.tie_word_embeddings,
    )


def weights(state: Mapping[str, Tensor], config: DecoderConfig) -> dict[str, Tensor]:
    """Falcon's names → the module's. Fused rows are, for each key head: its queries, key and value."""
    rows = torch.arange((config.heads + 2 * config.key_heads) * config.width)
    rows = rows.reshape(config.key_heads, config.group + 2, config.width)
    parts = {"q_proj": rows[:, :-2], "k_proj": rows[:, -2], "v_proj": rows[:, -1]}
    named = renamed(
        state,
        [
            (r"^transformer\.word_embeddings\.", "embed_tokens."),
            (r"^transformer\.ln_f\.", "norm."),
            (r"^transformer\.h\.", "layers."),
            (r"\.ln_attn\.", ".input_layernorm."),
            (r"\.ln_mlp\.", ".post_attention_layernorm."),
            (r"\.self_attention\.dense\.", ".self_attn.o_proj."),
            (r"\.self_attention\.", ".self_attn."),
            (r"\.dense_h_to_4h\.", ".up_proj."),
            (r"\.dense_4h_to_h\.", ".down_proj."),
        ],
    )
    return taken_apart(named, "query_key_value", {name: part.reshape(-1) for name, part in parts.items()})
