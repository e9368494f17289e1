"""Ordering values: sorting, the k best, and the boxes that survive suppression."""

from __future__ import annotations

import torch

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.tensor_operation_arguments import axis_of, flag, integer, number


def argsort(call: Call) -> torch.Tensor:
    """The indices that sort x along `axis`, the last by default; descending unless `ascending`. Ties keep
    their order."""
    x = call["x"]
    ascending = flag(call.get("ascending", False))
    return torch.argsort(x, dim=axis_of(call, x.dim(), -1), descending=not ascending, stable=True)


def topk(call: Call) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """The k (1) largest values along `axis` (the last), or the smallest if `ascending`, and their indices.

    k = −1 takes all. Always sorted, which `sort` = False permits; without `return_indices` values only.
    """
    x = call["x"]
    axis, k = axis_of(call, x.dim(), -1), integer(call.get("k", 1))
    count = x.shape[axis] if k == -1 else k
    if not 0 <= count <= x.shape[axis]:
        raise call.unsupported(f"k = {k} on an axis of length {x.shape[axis]}")
    ascending = flag(call.get("ascending", False))
    values, indices = torch.sort(x, dim=axis, descending=not ascending, stable=True)
    values = values.narrow(axis, 0, count)
    if not flag(call.get("return_indices", True)):
        return values
    return values, indices.narrow(axis, 0, count)


def _overlaps(boxes: torch.Tensor) -> torch.Tensor:
    """Intersection over union of each pair, `[B, B]`, of boxes `[B, 4]` as centre x, y, width, height.

    A pair with a box of no area doesn't overlap.
    """
    centre, size = boxes[:, :2], boxes[:, 2:]
    low, high = centre - size / 2, centre + size / 2
    sides = torch.minimum(high[:, None], high[None]) - torch.maximum(low[:, None], low[None])
    intersection = sides.clamp(min=0).prod(dim=-1)
    area = size.prod(dim=-1)
    union = area[:, None] + area[None] - intersection
    counted = (area[:, None] > 0) & (area[None] > 0)
    return torch.where(counted, intersection / union, torch.zeros_like(intersection))


def _survivors(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    *,
    iou_threshold: float,
    score_threshold: float,
    limit: int,
    per_class: bool,
) -> list[int]:
    """The boxes kept, best first: greedy by each box's best class score. The best one if none passes."""
    best, classes = scores.max(dim=-1)
    suppresses = _overlaps(boxes) > iou_threshold
    if per_class:
        suppresses &= classes[:, None] == classes[None]
    alive = best >= score_threshold
    order = torch.argsort(best, descending=True, stable=True)
    kept: list[int] = []
    for box in order.tolist():
        if len(kept) == limit:
            break
        if alive[box]:
            kept.append(box)
            alive &= ~suppresses[box]
    return kept or order[:1].tolist()


def non_maximum_suppression(call: Call) -> tuple[torch.Tensor, ...]:
    """Boxes in descending order of score, without those that overlap a better one by IoU > iou_threshold.

    Until iOS16 boxes are `[n, B, 4]`, scores `[n, B, K]`, boxes under `score_threshold` are left out first,
    and a fourth result counts the boxes of each sample. From iOS17 on boxes are `[n, 4, B]`, scores
    `[n, K, B]`, without threshold and count. Results are padded to `max_boxes` with 0, indices with −1.
    """
    boxes, scores, limit = call["boxes"], call["scores"], integer(call["max_boxes"])
    boxes_last = call["score_threshold"] is None
    if boxes_last:
        boxes, scores = boxes.mT, scores.mT
    samples = boxes.shape[0]
    chosen_boxes = boxes.new_zeros(samples, limit, 4)
    chosen_scores = scores.new_zeros(samples, limit, scores.shape[-1])
    indices = torch.full((samples, limit), -1, dtype=torch.int32)
    counts = torch.zeros(samples, dtype=torch.int32)
    for n in range(samples):
        kept = _survivors(
            boxes[n],
            scores[n],
            iou_threshold=float(number(call["iou_threshold"])),
            score_threshold=float(number(call.get("score_threshold", float("-inf")))),
            limit=limit,
            per_class=flag(call.get("per_class_suppression", False)),
        )[:limit]
        chosen_boxes[n, : len(kept)] = boxes[n, kept]
        chosen_scores[n, : len(kept)] = scores[n, kept]
        indices[n, : len(kept)] = torch.tensor(kept, dtype=torch.int32)
        counts[n] = len(kept)
    if boxes_last:
        return chosen_boxes.mT, chosen_scores.mT, indices
    return chosen_boxes, chosen_scores, indices, counts


OPS: dict[str, Kernel] = {
    "argsort": argsort,
    "non_maximum_suppression": non_maximum_suppression,
    "topk": topk,
}
