"""Relation knowledge: how the rows of a batch lie to each other. Widths of student and teacher may differ.

A batch too small to hold a relation gives 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from edgekit.distill.objectives.masking import length, mean_over_rows, unit
from edgekit.distill.objectives.shapes import same_rows

_SMALL = 1e-6
_NOWHERE = -1e9  # finite: the diagonal becomes an exact 0 without ∞ − ∞


def rkd_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """RKD-D: Huber loss between pairwise distances, each in units of its model's mean (Park et al., 2019).

    Blind to the scale, rotation and translation of either space.

    Args:
        student: `[B, D]`; carries the gradient.
        teacher: `[B, D']`; detached here.

    Returns:
        Scalar `[]`, unitless, averaged over the B (B − 1) pairs.
    """
    same_rows(student, teacher)
    rows = len(student)
    pairs = rows * (rows - 1)
    student_distance, teacher_distance = _distances(student, pairs), _distances(teacher.detach(), pairs)
    return mean_over_rows(F.smooth_l1_loss(student_distance, teacher_distance, reduction="sum"), pairs)


def rkd_angle(student: Tensor, teacher: Tensor) -> Tensor:
    """RKD-A: Huber loss between the cosines of angles in every triangle of rows (Park et al., 2019).

    Takes B³ + B² (D + D') numbers of memory.

    Args, shapes and gradient as in `rkd_distance`.

    Returns:
        Scalar `[]`, unitless, averaged over the B (B − 1) (B − 2) corners.
    """
    same_rows(student, teacher)
    rows = len(student)
    loss = F.smooth_l1_loss(_corners(student), _corners(teacher.detach()), reduction="none")
    # With twice the same neighbour there is no triangle; a neighbour equal to the corner already gives 0.
    same = torch.eye(rows, dtype=torch.bool, device=student.device)
    return mean_over_rows(loss.masked_fill(same, 0).sum(), rows * (rows - 1) * (rows - 2))


def similarity_preserving(student: Tensor, teacher: Tensor) -> Tensor:
    """SP: mean squared error between row-normalised Gram matrices A Aᵀ (Tung & Mori, 2019).

    Args:
        student: `[B, D]`; carries the gradient.
        teacher: `[B, D']`; detached here.

    Returns:
        Scalar `[]`, unitless, averaged over the B² entries.
    """
    same_rows(student, teacher)
    teacher = teacher.detach()
    difference = unit(student @ student.T) - unit(teacher @ teacher.T)
    return mean_over_rows(difference.pow(2).sum(), difference.numel())


def probability_transfer(student: Tensor, teacher: Tensor) -> Tensor:
    """PKT: KL between the probabilities of choosing each other row as neighbour (Passalis & Tefas, 2018).

    The kernel is (cosine + 1) / 2; a row is no neighbour of itself.

    Args:
        student: `[B, D]`; carries the gradient.
        teacher: `[B, D']`; detached here.

    Returns:
        Scalar `[]` in nats, averaged over B.
    """
    same_rows(student, teacher)
    p, q = _neighbours(teacher.detach()), _neighbours(student)
    return mean_over_rows(F.kl_div(q, p, reduction="sum", log_target=True), len(student))


def correlation_congruence(student: Tensor, teacher: Tensor, *, gamma: float = 0.4) -> Tensor:
    """CC: mean squared error between Gaussian kernels of rows on the unit sphere (Peng et al., 2019).

    exp(−γ ‖x − y‖²) = exp(2γ (cosine − 1)); the paper's second-order series approximates it.

    Args:
        student: `[B, D]`; carries the gradient.
        teacher: `[B, D']`; detached here.
        gamma: γ > 0, the paper's 0.4 by default.

    Returns:
        Scalar `[]`, unitless, averaged over the B² entries.
    """
    same_rows(student, teacher)
    a, b = unit(student), unit(teacher.detach())
    difference = (2 * gamma * (a @ a.T - 1)).exp() - (2 * gamma * (b @ b.T - 1)).exp()
    return mean_over_rows(difference.pow(2).sum(), difference.numel())


def _distances(rows: Tensor, pairs: int) -> Tensor:
    """`[B, B]` Euclidean distances over their mean; zeros when all rows are equal."""
    distance = length(rows[:, None] - rows[None, :])
    mean = mean_over_rows(distance.sum(), pairs)
    return distance / torch.where(mean > 0, mean, 1)


def _corners(rows: Tensor) -> Tensor:
    """`[B, B, B]`: at [j, i, k] the cosine of the angle at row j between rows i and k; 0 without an angle."""
    away = rows[None, :] - rows[:, None]
    size = length(away)[..., None]
    directions = away / torch.where(size > 0, size, 1)
    return directions @ directions.transpose(1, 2)


def _neighbours(rows: Tensor) -> Tensor:
    """`[B, B]` log of probabilities whose rows sum to 1 without the diagonal."""
    near = unit(rows)
    # Rounding takes a cosine of −1 a little below it; the small addend keeps the logarithm's slope finite.
    kernel = (near @ near.T + 1).clamp(min=0) / 2 + _SMALL
    oneself = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    return F.log_softmax(kernel.log().masked_fill(oneself, _NOWHERE), dim=1)
