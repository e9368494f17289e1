"""The angles of rotary embeddings, whatever scaling a configuration asks for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edgekit.models.decoders.config import Rotary, refuse

SCALINGS = ("linear", "llama3", "yarn", "longrope")  # those whose angles don't depend on the text's length


def read_rotary(config: Any, *, width: int, layer_type: str | None = None, partial: bool = False) -> Rotary:
    """The rotary embedding of a transformers configuration.

    Args:
        width: of a head.
        layer_type: where the configuration has one for each type of layer.
        partial: whether the family's attention heeds `partial_rotary_factor`.

    Raises:
        ExportError: the angles can't be told before the text is known, or the factor would be ignored.
    """
    told = config.rope_parameters if layer_type is None else config.rope_parameters[layer_type]
    kind, share = told["rope_type"], told.get("partial_rotary_factor") or 1.0
    if share != 1.0 and not partial:
        raise refuse(config, f"partial_rotary_factor is {share}, which transformers ignores in this family")
    if kind == "default":
        turned = int(width * share)
        steps = torch.arange(0, turned, 2, dtype=torch.float) / turned
        return Rotary(tuple((1.0 / (told["rope_theta"] ** steps)).tolist()))
    if kind not in SCALINGS:
        raise refuse(config, f"rope_type is {kind!r}, whose angles depend on the length of the text")
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    # Without a length LongRoPE gives its short factors: right up to the length that it was trained for.
    kinds = {} if layer_type is None else {"layer_type": layer_type}
    frequencies, factor = ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"), **kinds)
    return Rotary(tuple(frequencies.tolist()), float(factor))


def angles(rotary: Rotary, context: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines `[C, width / 2]` float32 of the positions 0 … C − 1.

    They are worked out once: position × frequency would be wrong in half precision.
    """
    turns = torch.arange(context).unsqueeze(-1).float() * torch.tensor(rotary.frequencies)
    return turns.cos() * rotary.factor, turns.sin() * rotary.factor
