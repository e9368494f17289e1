"""What a student is trained on: pure functions of tensors. Weights and schedules live in the loop."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def soft_target_kl(student_logits: Tensor, teacher_logits: Tensor, *, temperature: float) -> Tensor:
    """KL(teacher ‖ student) between softened class distributions (Hinton et al., 2015).

    The T² factor keeps the gradient's scale nearly independent of T, so that a weight tuned against the
    hard-label loss survives a change of temperature.

    Args:
        student_logits: `[B, C]`, unnormalised; carries the gradient.
        teacher_logits: `[B, C]`, unnormalised; detached here.
        temperature: T > 0, unitless; 1.0 softens nothing.

    Returns:
        Scalar `[]` in nats, averaged over B.
    """
    _same_shape(student_logits, teacher_logits)
    student = F.log_softmax(student_logits / temperature, dim=-1)
    teacher = F.log_softmax(teacher_logits.detach() / temperature, dim=-1)
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature**2


def hard_labels(student_logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with the true classes.

    Args:
        student_logits: `[B, C]`, unnormalised; carries the gradient.
        labels: `[B]`, int64 class ids.

    Returns:
        Scalar `[]` in nats, averaged over B.
    """
    return F.cross_entropy(student_logits, labels)


def hidden_cosine(student_hidden: Tensor, teacher_hidden: Tensor, mask: Tensor) -> Tensor:
    """1 − cosine between hidden states of each real token, the third term of DistilBERT (Sanh et al., 2019).

    Args:
        student_hidden: `[B, L, D]`; carries the gradient.
        teacher_hidden: `[B, L, D]`, same width; detached here.
        mask: `[B, L]`, 1 for real tokens; padding counts for nothing.

    Returns:
        Scalar `[]` in 0…2, averaged over real tokens.
    """
    _same_shape(student_hidden, teacher_hidden)
    distance = 1 - F.cosine_similarity(student_hidden, teacher_hidden.detach(), dim=-1)
    real = mask.to(distance.dtype)
    return (distance * real).sum() / real.sum().clamp(min=1)


def _same_shape(student: Tensor, teacher: Tensor) -> None:
    if student.shape != teacher.shape:
        raise ValueError(f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)} differ in shape")
