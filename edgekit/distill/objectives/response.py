"""Response knowledge: what the teacher answers. Rows are texts, or tokens where a task answers per token.

Every divergence carries T²: its gradient then hardly depends on T, so that a weight tuned against the hard
labels survives a change of temperature (Hinton et al., 2015).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from edgekit.distill.objectives.masking import length, mean_over_rows
from edgekit.distill.objectives.shapes import has_dims, same_shape


def soft_target_kl(student_logits: Tensor, teacher_logits: Tensor, *, temperature: float) -> Tensor:
    """KL(teacher ‖ student) between softened class distributions (Hinton et al., 2015).

    Args:
        student_logits: `[N, C]`, unnormalised; carries the gradient.
        teacher_logits: `[N, C]`, unnormalised; detached here.
        temperature: T > 0, unitless; 1.0 softens nothing.

    Returns:
        Scalar `[]` in nats, averaged over N; 0 when N is 0.
    """
    student, teacher = _log_probabilities(student_logits, teacher_logits, temperature)
    return _kl(teacher, student) * temperature**2


def reverse_kl(student_logits: Tensor, teacher_logits: Tensor, *, temperature: float) -> Tensor:
    """KL(student ‖ teacher): seeks a mode where the forward direction covers all (Gu et al., 2024).

    Args, shapes, gradient and unit as in `soft_target_kl`.
    """
    student, teacher = _log_probabilities(student_logits, teacher_logits, temperature)
    return _kl(student, teacher) * temperature**2


def symmetric_kl(student_logits: Tensor, teacher_logits: Tensor, *, temperature: float) -> Tensor:
    """Mean of KL(teacher ‖ student) and KL(student ‖ teacher): half of Jeffreys' divergence (1946).

    Args, shapes, gradient and unit as in `soft_target_kl`.
    """
    student, teacher = _log_probabilities(student_logits, teacher_logits, temperature)
    return (_kl(teacher, student) + _kl(student, teacher)) / 2 * temperature**2


def jensen_shannon(
    student_logits: Tensor, teacher_logits: Tensor, *, temperature: float, beta: float
) -> Tensor:
    """Generalised Jensen–Shannon divergence, bounded by ln 2 · T² (Agarwal et al., 2024).

    β KL(teacher ‖ M) + (1 − β) KL(student ‖ M) with M = β teacher + (1 − β) student. Divided by β it tends
    to the forward KL as β → 0; divided by 1 − β it tends to the reverse KL as β → 1.

    Args:
        beta: share of the teacher in the mixture, 0 < β < 1; the rest, shapes, gradient and unit as in
            `soft_target_kl`.
    """
    if not 0 < beta < 1:
        raise ValueError(f"beta is {beta}; it must lie between 0 and 1")
    student, teacher = _log_probabilities(student_logits, teacher_logits, temperature)
    mixture = torch.logaddexp(teacher + math.log(beta), student + math.log1p(-beta))
    return (beta * _kl(teacher, mixture) + (1 - beta) * _kl(student, mixture)) * temperature**2


def logit_mse(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Mean squared error of logits, or of numbers where the task is regression (Ba & Caruana, 2014).

    Args:
        student_logits: `[N, C]`; carries the gradient.
        teacher_logits: `[N, C]`; detached here.

    Returns:
        Scalar `[]` in squared logits, averaged over N and C.
    """
    has_dims(student_logits, 2, "logits [N, C]")
    same_shape(student_logits, teacher_logits)
    total = (student_logits - teacher_logits.detach()).pow(2).sum()
    return mean_over_rows(total, student_logits.numel())


def decoupled_kl(
    student_logits: Tensor,
    teacher_logits: Tensor,
    targets: Tensor,
    *,
    temperature: float,
    alpha: float,
    beta: float,
) -> Tensor:
    """DKD: the KL of "target or not", and the KL among the other classes, weighted apart (Zhao et al., 2022).

    The plain KL weights the second part by 1 − p_teacher(target), which is smallest where a teacher is sure
    and its dark knowledge best. With two classes the second part is 0.

    Args:
        student_logits: `[N, C]`, C ≥ 2, unnormalised; carries the gradient.
        teacher_logits: `[N, C]`, unnormalised; detached here.
        targets: `[N]`, int64 class ids.
        temperature: T > 0, unitless.
        alpha, beta: weights of the target part and of the other classes.

    Returns:
        Scalar `[]` in nats, averaged over N.
    """
    student, teacher = _log_probabilities(student_logits, teacher_logits, temperature)
    rows, classes = student.shape
    if classes < 2 or targets.shape != (rows,):
        raise ValueError(f"targets {tuple(targets.shape)} do not fit logits {tuple(student_logits.shape)}")
    # Columns without the target: a masked −∞ instead would turn into 0 × ∞.
    others = torch.arange(classes - 1, device=targets.device)
    others = others + (others >= targets[:, None])
    parts = []
    for log_p in (student, teacher):
        rest = log_p.gather(1, others)
        rest_mass = rest.logsumexp(1, keepdim=True)
        parts.append((torch.cat([log_p.gather(1, targets[:, None]), rest_mass], 1), rest - rest_mass))
    (student_binary, student_rest), (teacher_binary, teacher_rest) = parts
    target_part, rest_part = _kl(teacher_binary, student_binary), _kl(teacher_rest, student_rest)
    return (alpha * target_part + beta * rest_part) * temperature**2


def correlation(
    student_logits: Tensor, teacher_logits: Tensor, *, temperature: float, between: float, within: float
) -> Tensor:
    """DIST: 1 − Pearson's correlation of softened probabilities (Huang et al., 2022).

    Asks only for the same relations, not the same values, which suits a teacher far stronger than its
    student. A row or column that is constant has no correlation and counts for nothing: of a batch of one
    row only the first part remains. With two classes a row's correlation is ±1, so only `within` teaches.

    Args:
        student_logits: `[N, C]`, unnormalised; carries the gradient.
        teacher_logits: `[N, C]`, unnormalised; detached here.
        temperature: T > 0, unitless.
        between: weight between the classes of each row, averaged over rows.
        within: weight within each class over the rows, averaged over classes.

    Returns:
        Scalar `[]`, unitless, times T².
    """
    log_student, log_teacher = _log_probabilities(student_logits, teacher_logits, temperature)
    student, teacher = log_student.exp(), log_teacher.exp()
    between_rows = between * _pearson_distance(student, teacher)
    return (between_rows + within * _pearson_distance(student.T, teacher.T)) * temperature**2


def bernoulli_logits(logits: Tensor) -> Tensor:
    """Multi-label logits as one two-class row per label, for the divergences above.

    softmax(z, 0) = (σ(z), 1 − σ(z)): the KL of these rows is the binary KL of each label, averaged over
    rows and labels as binary cross-entropy is.

    Args:
        logits: `[N, C]`.

    Returns:
        `[N · C, 2]`.
    """
    has_dims(logits, 2, "logits [N, C]")
    return torch.stack([logits, torch.zeros_like(logits)], dim=-1).flatten(0, 1)


def _log_probabilities(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    has_dims(student_logits, 2, "logits [N, C]")
    same_shape(student_logits, teacher_logits)
    student = F.log_softmax(student_logits / temperature, dim=-1)
    return student, F.log_softmax(teacher_logits.detach() / temperature, dim=-1)


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p ‖ q) of rows `[N, C]`, averaged over N."""
    return mean_over_rows(F.kl_div(log_q, log_p, reduction="sum", log_target=True), len(log_p))


def _pearson_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """1 − correlation of each row `[R, K]`, averaged over rows; a constant row gives 0."""
    a, b = student - student.mean(1, keepdim=True), teacher - teacher.mean(1, keepdim=True)
    a_length, b_length = length(a), length(b)
    # What rounding leaves of a constant is noise of about 1e-7 of its size.
    varies = (a_length > 1e-6 * length(student)) & (b_length > 1e-6 * length(teacher))
    r = (a * b).sum(1) / torch.where(varies, a_length * b_length, 1)
    return mean_over_rows(torch.where(varies, 1 - r, 0).sum(), len(r))
