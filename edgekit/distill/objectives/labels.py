"""The true labels: one class, several classes, or a number per row."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from edgekit.distill.objectives.masking import mean_over_rows
from edgekit.distill.objectives.shapes import has_dims, same_shape
from edgekit.scores import IGNORED


def hard_labels(student_logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy with the true classes, optionally smoothed (Szegedy et al., 2016).

    Args:
        student_logits: `[N, C]`, unnormalised; carries the gradient.
        labels: `[N]`, int64 class ids; −100 counts for nothing.
        label_smoothing: ε in 0…1: the truth becomes (1 − ε) · one-hot + ε / C.

    Returns:
        Scalar `[]` in nats, averaged over the labels that count; 0 when none does.
    """
    has_dims(student_logits, 2, "student logits [N, C]")
    if labels.shape != student_logits.shape[:1]:
        raise ValueError(f"labels {tuple(labels.shape)} do not fit logits {tuple(student_logits.shape)}")
    total = F.cross_entropy(
        student_logits, labels, ignore_index=IGNORED, label_smoothing=label_smoothing, reduction="sum"
    )
    return total / (labels != IGNORED).sum().clamp(min=1)


def multi_hot_labels(student_logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Binary cross-entropy of every class by itself (multi-label).

    Args:
        student_logits: `[N, C]`, unnormalised; carries the gradient.
        labels: `[N, C]`, 0 or 1 (or a probability), float.
        label_smoothing: ε in 0…1: the truth y becomes (1 − ε) · y + ε / 2.

    Returns:
        Scalar `[]` in nats, averaged over N and C.
    """
    has_dims(student_logits, 2, "student logits [N, C]")
    same_shape(student_logits, labels)
    truth = labels * (1 - label_smoothing) + label_smoothing / 2
    total = F.binary_cross_entropy_with_logits(student_logits, truth, reduction="sum")
    return mean_over_rows(total, labels.numel())


def number_labels(student_values: Tensor, labels: Tensor) -> Tensor:
    """Mean squared error with the true numbers (regression).

    Args:
        student_values: `[N, C]`, C = 1 for a single number; carries the gradient.
        labels: `[N, C]`, or `[N]` when C is 1; float.

    Returns:
        Scalar `[]` in squared units of the label, averaged over N and C.
    """
    has_dims(student_values, 2, "student values [N, C]")
    truth = labels.reshape(-1, 1) if labels.dim() == 1 else labels
    same_shape(student_values, truth)
    return mean_over_rows((student_values - truth).pow(2).sum(), truth.numel())
