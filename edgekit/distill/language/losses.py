"""What a decoder is taught about its next tokens: the terms of a recipe's weights that it can have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from edgekit.distill import objectives

if TYPE_CHECKING:
    from edgekit.recipe.schema import Distill

Measure = Callable[[Tensor, Tensor], Tensor]  # student's and teacher's logits `[n, C]` → mean in nats


def divergences(config: Distill) -> dict[str, tuple[float, Measure]]:
    """Weight and measure of each divergence from the teacher that the recipe asks for.

    The generalised Jensen–Shannon divergence is that of GKD (Agarwal et al., 2024); its ends are forward KL
    as β → 0 and reverse KL, which MiniLLM takes (Gu et al., 2024), as β → 1.
    """
    softened: dict[str, Callable[..., Tensor]] = {
        "soft_targets": objectives.soft_target_kl,
        "reverse_kl": objectives.reverse_kl,
        "symmetric_kl": objectives.symmetric_kl,
        "jensen_shannon": partial(objectives.jensen_shannon, beta=config.objectives.jensen_shannon_beta),
    }
    weights = {name: getattr(config.weights, name) for name in softened}
    return {
        name: (weights[name], partial(measure, temperature=config.temperature))
        for name, measure in softened.items()
        if weights[name]
    }


def next_token_loss(logits: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy with the tokens that follow, summed over n.

    Args:
        logits: `[n, V]`; carries the gradient.
        targets: `[n]` int64.
        smoothing: ε of label smoothing.

    Returns:
        Scalar `[]` in nats.
    """
    return objectives.hard_labels(logits, targets, label_smoothing=smoothing) * len(targets)


def weighted_sums(
    logits: Tensor,
    targets: Tensor,
    compared: tuple[Tensor, Tensor] | None,
    *,
    labels: float,
    smoothing: float,
    taught: dict[str, tuple[float, Measure]],
) -> Tensor:
    """Every term of one chunk times its weight, summed over its tokens: `[K]`, labels first if they count.

    Args:
        logits: `[n, V]` of the student.
        targets: `[n]`.
        compared: both models' logits over the same classes, `[n, C]` each; None where nobody teaches.
        labels: weight of the true next tokens.
    """
    found = [labels * next_token_loss(logits, targets, smoothing=smoothing)] if labels else []
    if compared is not None:
        student, teacher = compared
        found += [weight * measure(student, teacher) * len(targets) for weight, measure in taught.values()]
    return torch.stack(found)
