"""Llama and what took its form: SmolLM2, Mistral, Qwen2, Qwen3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from edgekit.models.decoders.config import DecoderConfig, refuse
from edgekit.models.decoders.rotary import read_rotary
from edgekit.models.decoders.weights import renamed


def read(config: Any) -> DecoderConfig:
    """From LlamaConfig, MistralConfig, Qwen2Config or Qwen3Config."""
    family = config.model_type
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    qwen2 = family == "qwen2"  # its biases are no setting
    biased = qwen2 or getattr(config, "attention_bias", False)
    return DecoderConfig(
        family=family,
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        key_heads=config.num_key_value_heads,
        width=width,
        inner=config.intermediate_size,
        positions=config.max_position_embeddings,
        activation=config.hidden_act,
        gated=True,
        norm="rms",
        epsilon=config.rms_norm_eps,
        query_key_norm=family == "qwen3",
        attention_bias=biased,
        output_bias=biased and not qwen2,
        mlp_bias=getattr(config, "mlp_bias", False),
        rotary=read_rotary(config, width=width),
        window=getattr(config, "sliding_window", None),
        sliding=_sliding(config),
        tied=config.tie_word_embeddings,
    )


def _sliding(config: Any) -> tuple[bool, ...]:
    if getattr(config, "sliding_window", None) is None:
        return ()
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"] * config.num_hidden_layers
    if unknown := set(kinds) - {"sliding_attention", "full_attention"}:
        raise refuse(config, f"layer_types has {', '.join(sorted(unknown))}")
    return tuple(kind == "sliding_attention" for kind in kinds)


def weights(state: Mapping[str, Tensor], config: DecoderConfig) -> dict[str, Tensor]:
    """Llama's names are the module's."""
    return renamed(state, [(r"^model\.", "")])
