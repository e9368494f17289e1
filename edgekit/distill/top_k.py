"""Large output layers in little space: the largest logits, and the rest as one mass."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def cut(logits: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Keeps the k largest logits, and the log-sum-exp of the others.

    Args:
        logits: `[…, C]`, one distribution over C > k classes.

    Returns:
        Logits `[…, k]` float32, their classes `[…, k]` int32, and the rest `[…, 1]` float32.
    """
    import torch

    values, classes = logits.float().topk(k, dim=-1)
    others = logits.float().scatter(-1, classes, -math.inf)
    return values, classes.to(torch.int32), others.logsumexp(-1, keepdim=True)


def coarse(logits: Tensor, classes: Tensor) -> Tensor:
    """The logits of chosen classes, and the log-sum-exp of all others as that of one more class.

    A divergence between two distributions of which both are made coarse so is at most their own, and loses no
    mass: nothing need be assumed of how a teacher's rest is spread.

    Args:
        logits: `[…, C]`; carries the gradient.
        classes: `[…, k]` integers, k < C, different in each row.

    Returns:
        `[…, k + 1]`, unnormalised as `logits` are.
    """
    import torch

    chosen = classes.long()
    others = logits.scatter(-1, chosen, -math.inf).logsumexp(-1, keepdim=True)
    return torch.cat((logits.gather(-1, chosen), others), dim=-1)


def restore(values: Tensor, classes: Tensor, rest: Tensor, *, count: int) -> Tensor:
    """Logits `[…, C]` float32 whose softmax gives the kept classes their exact probabilities.

    The others share the rest evenly, so the probabilities sum to 1: dropping the rest instead would sharpen
    every distribution. At a temperature other than 1 the even share makes the tail an approximation.

    Args:
        count: C.
    """
    each = rest - math.log(count - values.shape[-1])
    return each.expand(*each.shape[:-1], count).scatter(-1, classes.long(), values)
