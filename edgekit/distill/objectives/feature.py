"""Feature knowledge: hidden states of tokens, and embeddings of texts.

Where widths differ, a learned projection brings the student's to the teacher's before these functions.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from edgekit.distill.objectives.masking import mean_over_rows, mean_over_tokens, without_padding
from edgekit.distill.objectives.shapes import has_dims, same_positions, same_shape

_ZERO = 1e-6  # a shorter vector has no direction; torch's 1e-8 lets its gradient spike


def hidden_cosine(student_hidden: Tensor, teacher_hidden: Tensor, mask: Tensor) -> Tensor:
    """1 − cosine between hidden states of each real token, the third term of DistilBERT (Sanh et al., 2019).

    Args:
        student_hidden: `[B, L, D]`; carries the gradient.
        teacher_hidden: `[B, L, D]`, same width; detached here.
        mask: `[B, L]`, positive for real tokens; padding counts for nothing.

    Returns:
        Scalar `[]` in 0…2, averaged over real tokens.
    """
    student, teacher = _aligned(student_hidden, teacher_hidden, mask)
    return mean_over_tokens(1 - F.cosine_similarity(student, teacher, dim=-1, eps=_ZERO), mask)


def hidden_mse(student_hidden: Tensor, teacher_hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error between hidden states of each real token (TinyBERT; Jiao et al., 2020).

    Args, shapes and gradient as in `hidden_cosine`.

    Returns:
        Scalar `[]` in squared activations, averaged over real tokens and D.
    """
    student, teacher = _aligned(student_hidden, teacher_hidden, mask)
    return mean_over_tokens((student - teacher).pow(2).mean(-1), mask)


def hint(regressed: Tensor, teacher_hidden: Tensor, mask: Tensor) -> Tensor:
    """½ squared error of a middle layer's regressor (FitNets; Romero et al., 2015).

    FitNets sums over D; the mean here lets one weight serve teachers of every width.

    Args:
        regressed: `[B, L, D]`, the student's middle layer after its regressor; carries the gradient to both.
        teacher_hidden: `[B, L, D]`; detached here.
        mask: `[B, L]`, positive for real tokens.

    Returns:
        Scalar `[]` in squared activations, averaged over real tokens and D.
    """
    return hidden_mse(regressed, teacher_hidden, mask) / 2


def embedding_cosine(student: Tensor, teacher: Tensor) -> Tensor:
    """1 − cosine between embeddings of each text (Reimers & Gurevych, 2020, compare by it).

    Args:
        student: `[B, D]`; carries the gradient.
        teacher: `[B, D]`, same width; detached here.

    Returns:
        Scalar `[]` in 0…2, averaged over B.
    """
    has_dims(student, 2, "embeddings [B, D]")
    same_shape(student, teacher)
    distance = 1 - F.cosine_similarity(student, teacher.detach(), dim=-1, eps=_ZERO)
    return mean_over_rows(distance.sum(), len(distance))


def embedding_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared error between embeddings of each text (Reimers & Gurevych, 2020).

    Args, shapes and gradient as in `embedding_cosine`.

    Returns:
        Scalar `[]` in squared activations, averaged over B and D.
    """
    has_dims(student, 2, "embeddings [B, D]")
    same_shape(student, teacher)
    return mean_over_rows((student - teacher.detach()).pow(2).sum(), student.numel())


def _aligned(student: Tensor, teacher: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    has_dims(student, 3, "hidden states [B, L, D]")
    same_shape(student, teacher)
    same_positions(student, teacher, mask)
    return without_padding(student, mask), without_padding(teacher.detach(), mask)
