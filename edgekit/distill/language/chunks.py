"""Losses over a large vocabulary without its logits: computed for a few tokens at a time, twice.

The logits of a whole batch, `[B, L, V]`, are far larger than anything else in training a small decoder
(49,152 numbers a token in SmolLM2, whose hidden states have 576), and a loss keeps several copies of them.
Here the logits of a chunk live while its loss is computed, and once more while its gradient is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

CHUNK = 256  # tokens: 50 MB of float32 logits at 49,152 tokens


def summed(loss: Callable[..., Tensor], tensors: Sequence[Tensor], *, chunk: int = CHUNK) -> Tensor:
    """The sum of a loss over chunks of tokens; no chunk's intermediate tensors outlive it.

    Args:
        loss: of some tokens, a sum over them: `[n, …]` each → `[K]`. Gradients flow into its arguments and
            into the parameters that it uses (a head's).
        tensors: `[N, …]` each, N ≥ 1, cut alike along the first axis.
        chunk: tokens at once, at most.

    Returns:
        `[K]`.
    """
    total = None
    for start in range(0, len(tensors[0]), chunk):
        part = [tensor[start : start + chunk] for tensor in tensors]
        if torch.is_grad_enabled():
            value = checkpoint(loss, *part, use_reentrant=False, preserve_rng_state=False)
        else:
            value = loss(*part)
        total = value if total is None else total + value
    assert total is not None, "no tokens"
    return total
