"""From a transformers decoder to the export-ready module, by one visible table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from edgekit.errors import ExportError
from edgekit.models.decoders import falcon, gemma3, gpt2, llama, phi, phi3
from edgekit.models.decoders.config import DecoderConfig, refuse
from edgekit.models.decoders.module import Decoder
from edgekit.models.families.blocks import ACTIVATIONS

Reader = Callable[[Any], DecoderConfig]
Mapper = Callable[[Mapping[str, Tensor], DecoderConfig], dict[str, Tensor]]

DECODERS: dict[
    str, tuple[Reader, Mapper]
] = {  # model_type → its configuration's reader, its weights' mapping
    "falcon": (falcon.read, falcon.weights),
    "gemma3_text": (gemma3.read, gemma3.weights),
    "gpt2": (gpt2.read, gpt2.weights),
    "llama": (llama.read, llama.weights),  # SmolLM and SmolLM2 too
    "mistral": (llama.read, llama.weights),
    "phi": (phi.read, phi.weights),
    "phi3": (phi3.read, phi3.weights),
    "qwen2": (llama.read, llama.weights),
    "qwen3": (llama.read, llama.weights),
}


def read_config(config: Any) -> DecoderConfig:
    """What a transformers configuration says of the decoder.

    Raises:
        ExportError: no such family, or a setting that the module can't express; the setting is named.
    """
    if config.model_type not in DECODERS:
        raise ExportError(
            f"There is no export module for decoders of model_type {config.model_type!r}.",
            remedy=f"Use one of: {', '.join(DECODERS)}.",
        )
    found = DECODERS[config.model_type][0](config)
    if found.activation not in ACTIVATIONS:
        raise refuse(config, f"its activation is {found.activation!r}; built are {', '.join(ACTIVATIONS)}")
    return found


def build(config: Any, state: Mapping[str, Tensor], context: int) -> Decoder:
    """The export-ready twin of a transformers `…ForCausalLM`, in evaluation mode, fp32, on the CPU.

    Args:
        config: its configuration.
        state: its state dict; weights that need no change are shared with the twin, not copied.
        context: tokens that the caches hold; at most what the model was made for.

    Raises:
        ExportError: the configuration can't be expressed, the context is too long, or a weight is missing,
            left over, or of another shape.
    """
    made = read_config(config)
    if not 1 < context <= made.positions:
        raise ExportError(
            f"A context of {context} tokens does not fit this model.",
            remedy=f"Use 2 to {made.positions}, the model's own limit.",
        )
    plain = {name: value.detach().to("cpu", torch.float32) for name, value in state.items()}
    weights = DECODERS[config.model_type][1](plain, made)
    if made.tied:
        weights["lm_head.weight"] = weights["embed_tokens.weight"]
    with torch.device("meta"):  # no memory for weights that are replaced in a moment
        decoder = Decoder(made, context)
    try:
        decoder.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise ExportError(
            f"The weights of this {config.model_type} model do not fit its export module: {error}",
            remedy="Check that config.json belongs to these weights.",
        ) from error
    if made.tied:
        decoder.lm_head.weight = decoder.embed_tokens.weight
    return decoder.eval()
