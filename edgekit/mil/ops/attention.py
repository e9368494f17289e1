"""`scaled_dot_product_attention` (MIL iOS18)."""

from __future__ import annotations

import math

import torch

from edgekit.mil.call import Call, Kernel


def scaled_dot_product_attention(call: Call) -> torch.Tensor:
    """softmax(Q Kᵀ / √E + mask) V, as the documentation writes it out.

    query (B, *, L, E), key (B, *, S, E), value (B, *, S, EV); attn_mask broadcasts to (B, *, L, S): floats
    are added, a False keeps an element out. A row with everything kept out is NaN, as the formula has it.
    Returns (B, *, L, EV).
    """
    query, mask = call["query"], call["attn_mask"]
    scores = query @ call["key"].transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, -math.inf)
    elif mask is not None:
        scores = scores + mask
    return scores.softmax(dim=-1) @ call["value"]


OPS: dict[str, Kernel] = {"scaled_dot_product_attention": scaled_dot_product_attention}
