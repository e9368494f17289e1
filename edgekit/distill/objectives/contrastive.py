"""Contrastive knowledge: a text's student must be nearer to its own teacher than to other texts' teachers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from edgekit.distill.objectives.masking import mean_over_rows, unit
from edgekit.distill.objectives.shapes import has_dims, same_shape


def contrastive(
    student: Tensor,
    teacher: Tensor,
    negatives: Tensor,
    *,
    temperature: float,
    allowed: Tensor | None = None,
) -> Tensor:
    """CRD by InfoNCE: −log of the own teacher's share among the negatives (Tian et al., 2020).

    A lower bound on the information that student and teacher share (van den Oord et al., 2018).

    Args:
        student: `[B, P]`, in the common space; carries the gradient.
        teacher: `[B, P]`, of the same texts. *Not* detached: its learned projection needs the gradient;
            detach what goes into that projection.
        negatives: `[K, P]`, teachers of other texts; carries the gradient likewise.
        temperature: τ > 0, of cosines; smaller looks harder at the nearest negatives.
        allowed: `[B, K]` bool, False where a negative is the row's own text; None allows all.

    Returns:
        Scalar `[]` in nats, averaged over B; 0 for a row without negatives.
    """
    has_dims(student, 2, "embeddings [B, P]")
    same_shape(student, teacher)
    student = unit(student)
    own = (student * unit(teacher)).sum(-1, keepdim=True) / temperature
    others = student @ unit(negatives).T / temperature
    if allowed is not None:
        others = others.masked_fill(~allowed, float("-inf"))
    loss = -F.log_softmax(torch.cat([own, others], dim=1), dim=1)[:, 0]
    return mean_over_rows(loss.sum(), len(loss))
