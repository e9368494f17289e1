"""How each weight of a model is stored for Core ML under one scheme; where the scheme has to give way.

Only weights that this plan names are compressed. A constant that the converter folded from several tables
(position and token type) would get one scale for all of them, and no parameter has its name: it stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgekit.quantize.plan import plan_int8
from edgekit.recipe.schema.precisions import SCHEMES
from edgekit.types import LayerPrecision, Quantized

PLAIN_BITS = 16
SMALLEST_BLOCK = 8  # inputs; below that the fp16 scales take as much as the 4-bit values save


def plan_coreml(
    module: Any, *, name: str, scheme: str, block_size: int = 32, group_size: int = 32
) -> Quantized:
    """One scheme for every matrix and the word table; everything else stays, each with its reason.

    Args:
        module: the export-ready PyTorch module whose parameters are named in the plan.
        scheme: a name in `SCHEMES`, but "mixed".
        block_size: inputs that share a scale in int4.
        group_size: channels that share a table in a grouped palette.

    A block or group that does not divide a weight gives way to the largest smaller one that does, and the
    plan's `note` says so.
    """
    import torch

    base = plan_int8(module, name=name, target="coreml")
    shapes = {full: tuple(value.shape) for full, value in module.named_parameters(remove_duplicate=False)}
    tables = {f"{n}.weight" for n, m in module.named_modules() if isinstance(m, torch.nn.Embedding)}
    layers = tuple(
        layer
        if layer.skipped_because
        else _stored(
            layer, shapes[layer.name], scheme, block_size, group_size, axis=int(layer.name in tables)
        )
        for layer in base.layers
    )
    return replace(base, scheme=scheme, layers=layers)


def _stored(
    layer: LayerPrecision, shape: Sequence[int], scheme: str, block_size: int, group_size: int, *, axis: int
) -> LayerPrecision:
    layer = replace(layer, scheme=scheme, bits=SCHEMES[scheme].bits)
    if scheme == "int4":
        size = largest_divisor(shape[1], block_size)
        if size < SMALLEST_BLOCK:
            why = f"no block of {SMALLEST_BLOCK} to {block_size} divides its {shape[1]} inputs"
            return replace(layer, bits=PLAIN_BITS, granularity="none", scheme="", skipped_because=why)
        note = "" if size == block_size else f"blocks of {size}: {block_size} does not divide {shape[1]}"
        return replace(layer, granularity="per_block", group_size=size, note=note)
    if scheme.endswith("-grouped"):
        # A table per few rows of a vocabulary would outweigh what it saves, so an embedding is cut by width.
        channels = shape[axis]
        size = largest_divisor(channels, group_size)
        note = "" if size == group_size else f"groups of {size}: {group_size} does not divide {channels}"
        return replace(layer, granularity="per_group", group_size=size, axis=axis, note=note)
    return replace(layer, granularity="per_channel" if scheme.endswith(("int8", "static")) else "per_tensor")


def largest_divisor(length: int, limit: int) -> int:
    """The largest number up to `limit` that divides `length`."""
    return next(size for size in range(min(length, limit), 0, -1) if length % size == 0)


def plan_mixed(
    schemes: Mapping[str, Quantized],
    chosen: Mapping[str, tuple[str, float]],
    *,
    plain_bits: int = PLAIN_BITS,
) -> Quantized:
    """The plan in which each weight has the scheme that was chosen for it.

    Args:
        schemes: scheme → its plan for the whole model.
        chosen: weight → its scheme and how far that alone moves the outputs; a weight left out stays.
        plain_bits: of a weight that stays.
    """
    some = next(iter(schemes.values()))
    by_scheme = {name: {layer.name: layer for layer in plan.layers} for name, plan in schemes.items()}
    layers = []
    for layer in some.layers:
        if layer.name in chosen:
            scheme, sensitivity = chosen[layer.name]
            layers.append(replace(by_scheme[scheme][layer.name], sensitivity=sensitivity))
        elif any(not plan[layer.name].skipped_because for plan in by_scheme.values()):
            why = "too sensitive: the budget is met without it"
            layers.append(LayerPrecision(layer.name, plain_bits, "none", skipped_because=why))
        else:
            layers.append(layer)
    return replace(some, scheme="mixed", layers=tuple(layers))
