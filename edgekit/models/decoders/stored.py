"""The way back: the module's weights as a family's transformers model stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from edgekit.models.decoders.build import DECODERS, read_config


def stored(
    config: Any, weights: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]]
) -> dict[str, Tensor]:
    """A state dict that `build` would make these weights of.

    A family's mapping only moves numbers and adds constants (Gemma's norms are stored as their distance from
    1). So it is undone by sending the numbers' places through it, and zeros to learn the constants.

    Args:
        config: of the transformers model that is written.
        weights: by the module's names; the head is there where it is tied, too.
        shapes: of the transformers model's weights.

    Returns:
        New tensors, float32.
    """
    made, mapped = read_config(config), DECODERS[config.model_type][1]
    found = {}
    for name, shape in shapes.items():
        zeros = torch.zeros(()).expand(*shape)  # takes no memory
        parts = mapped({name: zeros}, made)
        if all(part is zeros for part in parts.values()):  # the name alone differs, if anything does
            (own,) = parts
            found[name] = weights[own].float().clone()
            continue
        places = mapped({name: torch.arange(zeros.numel()).reshape(shape)}, made)
        flat = torch.empty(zeros.numel())
        for own, constant in parts.items():
            where = places[own].long() - constant.long()
            flat[where] = weights[own].float() - constant
        found[name] = flat.reshape(shape)
    return found
