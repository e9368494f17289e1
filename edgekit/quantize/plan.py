"""Decides what precision each weight gets. Writes no files: export carries the plan out."""

from __future__ import annotations

from collections import Counter
from typing import Any

from edgekit.types import LayerPrecision, Quantized

SHORT_TABLES = ("position", "token_type", "segment")
SMALL = 2048  # weights; below this a scale per channel costs about what it saves


def plan_int8(module: Any, *, name: str, target: str) -> Quantized:
    """int8 for every matrix and the word table; everything else stays, each with its reason.

    Args:
        module: the export-ready PyTorch module whose parameters are named in the plan.
        target: an ONNX one or "coreml"; int8 for ONNX reads an embedding table with one scale only. What an
            ONNX file gets is planned from the file itself (`quantize.onnx`); this is what training rounds to.
    """
    import torch

    layers = []
    kept = 16 if target == "coreml" else 32  # bits of the plain export that int8 is made from
    linears = [n for n, m in module.named_modules() if isinstance(m, torch.nn.Linear)]
    last = linears[-1] if linears else None
    owners = Counter(id(p) for child in module.modules() for p in child.parameters(recurse=False))
    for layer, child in module.named_modules():
        for parameter, value in child.named_parameters(recurse=False):
            full = f"{layer}.{parameter}" if layer else parameter
            why, granularity = _decide(
                child, parameter, value, name=full, is_last=layer == last, target=target
            )
            if owners[id(value)] > 1 and target != "coreml" and not why:
                # int8 of the look-up would be stored beside the fp32 that the product reads.
                why = "also the weight of another layer: it would be stored twice"
            layers.append(
                LayerPrecision(full, kept, "none", skipped_because=why)
                if why
                else LayerPrecision(full, 8, granularity, scheme="int8")
            )
    return Quantized(model=name, target=target, scheme="int8", layers=tuple(layers))


def _decide(
    child: Any, parameter: str, value: Any, *, name: str, is_last: bool, target: str
) -> tuple[str, str]:
    """Why a parameter stays as it is ("" if it doesn't), and the granularity of its scale."""
    import torch

    if isinstance(child, torch.nn.Embedding):
        if any(word in name for word in SHORT_TABLES):
            return "a position or type table: folded with others, it would share one scale", "none"
        return "", "per_channel" if target == "coreml" else "per_tensor"
    if value.ndim < 2:
        return f"a vector ({parameter} of {type(child).__name__}): nothing to gain", "none"
    if is_last:
        return "the output layer: its error goes straight into the answer", "none"
    if value.numel() < SMALL:
        return f"only {value.numel()} weights: nothing to gain", "none"
    # Core ML expands weights to what the operation reads; ONNX Runtime wants a kernel for each.
    if not isinstance(child, torch.nn.Linear) and (target != "coreml" or type(child) is not torch.nn.Conv2d):
        return f"no int8 kernel for {type(child).__name__}", "none"
    return "", "per_channel"
