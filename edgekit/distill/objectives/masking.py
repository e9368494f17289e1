"""Means that padding has no part in."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def real_tokens(mask: Tensor) -> Tensor:
    """Bool tensor of the mask's shape: True for real tokens, whatever positive number marks them."""
    return mask > 0


def without_padding(values: Tensor, mask: Tensor) -> Tensor:
    """`[B, L, …]` with zeros at padding.

    What stands there is arbitrary: 0 × NaN would still be NaN, forward and backward; a fill is not.
    """
    real = real_tokens(mask)
    return values.masked_fill(~real.reshape(*real.shape, *[1] * (values.dim() - real.dim())), 0)


def mean_over_tokens(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `[B, L]` over real tokens; 0 when there are none."""
    return without_padding(values, mask).sum() / real_tokens(mask).sum().clamp(min=1)


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean of the hidden states of real tokens: a text's representation.

    Args:
        hidden: `[B, L, D]`; carries the gradient.
        mask: `[B, L]`, positive for real tokens.

    Returns:
        `[B, D]`; zeros for a row without real tokens.
    """
    if hidden.shape[:2] != mask.shape:
        raise ValueError(f"hidden {tuple(hidden.shape)} does not fit the mask {tuple(mask.shape)}")
    return without_padding(hidden, mask).sum(1) / real_tokens(mask).sum(1, keepdim=True).clamp(min=1)


def mean_over_rows(total: Tensor, rows: int) -> Tensor:
    """A sum over rows as their mean; 0, still part of the graph, when there are none."""
    return total / max(1, rows)


def unit(vectors: Tensor) -> Tensor:
    """Vectors `[…, D]` at length 1; a zero vector stays zero and its gradient finite."""
    return F.normalize(vectors, dim=-1, eps=1e-6)


def length(vectors: Tensor) -> Tensor:
    """Euclidean length over the last dimension, with gradient 0 (not NaN) at a zero vector."""
    squares = vectors.pow(2).sum(-1)
    positive = squares > 0
    # The inner `where` keeps sqrt away from 0, whose infinite slope would come back as 0 × ∞.
    return torch.where(positive, torch.where(positive, squares, 1).sqrt(), 0)
