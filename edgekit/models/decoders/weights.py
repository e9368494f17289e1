"""State dicts under other names, and fused matrices taken apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from torch import Tensor


def renamed(state: Mapping[str, Tensor], pairs: Sequence[tuple[str, str]]) -> dict[str, Tensor]:
    """The state dict with every pattern replaced in every name, in order."""
    found = {}
    for name, value in state.items():
        for pattern, replacement in pairs:
            name = re.sub(pattern, replacement, name)
        found[name] = value
    return found


def taken_apart(
    state: Mapping[str, Tensor], fused: str, parts: Mapping[str, Tensor | slice]
) -> dict[str, Tensor]:
    """The state dict with each `fused` weight and bias as several, by rows.

    Args:
        fused: how the name of the fused linear layer ends: "qkv_proj".
        parts: name of a part → its rows: a slice or indices.
    """
    found = {}
    for name, value in state.items():
        stem, _, kind = name.rpartition(".")
        if stem.endswith(f".{fused}"):
            for part, rows in parts.items():
                found[f"{stem.removesuffix(fused)}{part}.{kind}"] = value[rows].contiguous()
        else:
            found[name] = value
    return found
