"""Feature knowledge of attention: who looks where, how queries, keys and values relate, what is active."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from edgekit.distill.objectives.masking import (
    mean_over_rows,
    mean_over_tokens,
    real_tokens,
    unit,
    without_padding,
)
from edgekit.distill.objectives.shapes import has_dims, same_positions, same_shape

_NOWHERE = -1e9  # finite, so that masked keys give exact zeros and no ∞ − ∞


def attention_maps(student_maps: Tensor, teacher_maps: Tensor, mask: Tensor) -> Tensor:
    """Squared distance between attention distributions, head by head (TinyBERT; Jiao et al., 2020).

    Of *probabilities*, where TinyBERT fits scores: scores are known only up to a constant per query, hold
    −∞ at padding, and few models give them out; probabilities are what every model returns. The sum over
    keys (not their mean) keeps the term's size independent of the length of texts.

    Args:
        student_maps: `[B, H, L, L]`, rows sum to 1; carries the gradient.
        teacher_maps: `[B, H', L, L]`; detached here. Where H' ≠ H, both are averaged over their heads.
        mask: `[B, L]`, positive for real tokens; padded queries and keys count for nothing.

    Returns:
        Scalar `[]` in 0…2, averaged over real queries and heads.
    """
    batch, width = mask.shape
    for maps in (student_maps, teacher_maps):
        if maps.dim() != 4 or (maps.shape[0], *maps.shape[2:]) != (batch, width, width):
            raise ValueError(
                f"attention {tuple(maps.shape)} is not [B, H, L, L] over the mask {tuple(mask.shape)}"
            )
    if student_maps.shape[1] != teacher_maps.shape[1]:
        student_maps, teacher_maps = student_maps.mean(1, keepdim=True), teacher_maps.mean(1, keepdim=True)
    real = real_tokens(mask)
    outside = ~(real[:, None, :, None] & real[:, None, None, :])
    difference = student_maps.masked_fill(outside, 0) - teacher_maps.detach().masked_fill(outside, 0)
    return mean_over_tokens(difference.pow(2).sum(-1).mean(1), mask)


def attention_relations(student: Tensor, teacher: Tensor, mask: Tensor, *, heads: int) -> Tensor:
    """KL(teacher ‖ student) of scaled dot products among tokens (MiniLMv2; Wang et al., 2021).

    Call it with queries, keys or values: softmax(X Xᵀ / √d) per relation head. Cutting each width into the
    same number of relation heads frees the student from its teacher's width and head count.

    Args:
        student: `[B, L, D]`, before rotation where positions are rotary; carries the gradient.
        teacher: `[B, L, D']`; detached here.
        mask: `[B, L]`, positive for real tokens; padded queries and keys count for nothing.
        heads: relation heads; divides D and D'.

    Returns:
        Scalar `[]` in nats, averaged over real tokens and relation heads.
    """
    has_dims(student, 3, "projections [B, L, D]")
    same_positions(student, teacher, mask)
    kl = F.kl_div(
        _relation(student, mask, heads), _relation(teacher.detach(), mask, heads),
        reduction="none", log_target=True,
    )  # fmt: skip
    return mean_over_tokens(kl.sum(-1).mean(1), mask)


def attention_transfer(student_hidden: Tensor, teacher_hidden: Tensor, mask: Tensor) -> Tensor:
    """Where in a text activations are large (Zagoruyko & Komodakis, 2017, for sequences).

    Each map is Σ_D h² over positions, at length 1; widths may differ.

    Args:
        student_hidden: `[B, L, D]`; carries the gradient.
        teacher_hidden: `[B, L, D']`; detached here.
        mask: `[B, L]`, positive for real tokens; padding counts for nothing.

    Returns:
        Scalar `[]` in 0…2, the squared distance of maps averaged over B.
    """
    same_positions(student_hidden, teacher_hidden, mask)
    student = without_padding(student_hidden, mask).pow(2).sum(-1)
    teacher = without_padding(teacher_hidden.detach(), mask).pow(2).sum(-1)
    return _map_distance(student, teacher)


def attention_transfer_maps(student: Tensor, teacher: Tensor) -> Tensor:
    """Where in an image activations are large (Zagoruyko & Komodakis, 2017, for conv nets).

    Args:
        student: `[B, C, H, W]`; carries the gradient.
        teacher: `[B, C', H, W]`; detached here.

    Returns:
        Scalar `[]` in 0…2, the squared distance of maps averaged over B.
    """
    has_dims(student, 4, "activations [B, C, H, W]")
    student_map, teacher_map = student.pow(2).sum(1), teacher.detach().pow(2).sum(1)
    same_shape(student_map, teacher_map)
    return _map_distance(student_map.flatten(1), teacher_map.flatten(1))


def _relation(projected: Tensor, mask: Tensor, heads: int) -> Tensor:
    """Log of softmax(X Xᵀ / √d) over real tokens, `[B, heads, L, L]`."""
    batch, positions, width = projected.shape
    if width % heads:
        raise ValueError(f"{heads} relation heads do not divide a width of {width}")
    x = without_padding(projected, mask).view(batch, positions, heads, width // heads).transpose(1, 2)
    scores = x @ x.transpose(2, 3) / (width // heads) ** 0.5
    return F.log_softmax(scores.masked_fill(~real_tokens(mask)[:, None, None, :], _NOWHERE), dim=-1)


def _map_distance(student: Tensor, teacher: Tensor) -> Tensor:
    distance = (unit(student) - unit(teacher)).pow(2).sum(-1)
    return mean_over_rows(distance.sum(), len(distance))
