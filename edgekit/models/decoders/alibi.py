"""Attention with linear biases (Press et al., 2022): a head prefers what is near, each by its own slope."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def alibi_table(heads: int, context: int, scale: float) -> Tensor:
    """What is added to scores, `[H, C]` float32: slope · position of the key · scale.

    The paper's bias, slope · (key − query), differs by a constant for each query, which softmax ignores.
    Falcon was trained on products that are rounded to bfloat16, and scales them as it does the scores.
    """
    whole = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * i / whole) for i in range(1, whole + 1)]
    # Heads beyond a power of two take every second slope of twice as many.
    slopes += [2 ** (-4 * i / whole) for i in range(1, 2 * (heads - whole), 2)]
    table = torch.tensor(slopes).bfloat16().unsqueeze(-1) * torch.arange(context)
    return table.float() * scale
