"""GPT-2 (Radford et al., 2019) and what took its form: learned positions, LayerNorm, biases everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from edgekit.models.decoders.config import DecoderConfig, refuse
from edgekit.models.decoders.weights import renamed, taken_apart


def read(config: Any) -> DecoderConfig:
    """From GPT2Config."""
    for field in ("add_cross_attention", "scale_attn_by_inverse_layer_idx"):
        if getattr(config, field):
            raise refuse(config, f"{field} is set")
    return DecoderConfig(
        family="gpt2",
        vocabulary=config.vocab_size,
        hidden=config.n_embd,
        layers=config.n_layer,
        heads=config.n_head,
        key_heads=config.n_head,
        width=config.n_embd // config.n_head,
        inner=config.n_inner or 4 * config.n_embd,
        positions=config.n_positions,
        activation=config.activation_function,
        gated=False,
        norm="layer",
        epsilon=config.layer_norm_epsilon,
        attention_bias=True,
        output_bias=True,
        mlp_bias=True,
        scale=None if config.scale_attn_weights else 1.0,
        learned_positions=True,
        tied=config.tie_word_embeddings,
    )


def weights(state: Mapping[str, Tensor], config: DecoderConfig) -> dict[str, Tensor]:
    """GPT-2's names → the module's. It stores matrices `[inputs, outputs]`, the other way round."""
    turned = {
        name: value.t().contiguous()
        if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))
        else value
        for name, value in state.items()
    }
    named = renamed(
        turned,
        [
            (r"^transformer\.wte\.", "embed_tokens."),
            (r"^transformer\.wpe\.", "embed_positions."),
            (r"^transformer\.ln_f\.", "norm."),
            (r"^transformer\.h\.", "layers."),
            (r"\.ln_1\.", ".input_layernorm."),
            (r"\.ln_2\.", ".post_attention_layernorm."),
            (r"\.attn\.c_proj\.", ".self_attn.o_proj."),
            (r"\.attn\.", ".self_attn."),
            (r"\.c_fc\.", ".up_proj."),
            (r"\.c_proj\.", ".down_proj."),
        ],
    )
    size = config.hidden
    parts = {name: slice(i * size, (i + 1) * size) for i, name in enumerate(("q_proj", "k_proj", "v_proj"))}
    return taken_apart(named, "c_attn", parts)
