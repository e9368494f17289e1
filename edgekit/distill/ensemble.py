"""Several teachers as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from edgekit.distill.knowledge import Batch, Needs, Seen
from edgekit.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.distill.teacher import Teacher
    from edgekit.tasks import Task

Ask = Callable[[Needs], "Teacher"]


def ask_all(
    asks: Sequence[Ask],
    needs: Needs,
    *,
    task: Task,
    weights: Sequence[float],
    combine: Literal["mean", "confidence"],
) -> Teacher:
    """Several teachers that answer as one, see `Ensemble`.

    Args:
        asks: one per teacher. The first is shown whole; of the others only the task's output is used, since
            hidden states of different models don't lie in one space.
        needs: what the losses want to see of the first.

    Raises:
        ModelError: outputs of this task can't be averaged.
    """
    if task.name == "sentence-embedding":
        raise ModelError(
            "Sentence embeddings of several teachers lie in different spaces and have no mean.",
            remedy="Use one teacher for the task sentence-embedding.",
        )
    if combine == "confidence" and task.truth == "number":
        raise ModelError(
            "distill.combine is confidence, but a number carries no certainty.",
            remedy="Set distill.combine to mean for the task text-regression.",
        )
    teachers = [one(needs if place == 0 else Needs()) for place, one in enumerate(asks)]
    return Ensemble(teachers, task=task, weights=weights, combine=combine)


class Ensemble:
    """A teacher whose output is that of several, and whose inside is that of the first.

    Probabilities are averaged, not logits, and given out as their logarithm: the mean is then what one
    would expect of a teacher drawn at random (Hinton et al., 2015, section 5, use the same mean), and a
    teacher whose logits are merely large can't outvote the others. For several labels the probabilities of
    each are averaged; for numbers, the numbers.

    `mean` weighs every row alike. `confidence` multiplies a teacher's weight with its certainty about the
    row, 1 − entropy ÷ the largest possible entropy (Kwon et al., 2020), so that whoever knows decides.
    """

    def __init__(
        self,
        teachers: Sequence[Teacher],
        *,
        task: Task,
        weights: Sequence[float],
        combine: Literal["mean", "confidence"],
    ) -> None:
        self.teachers, self.task = teachers, task
        self.weights, self.combine = weights, combine
        self.needs: Needs = teachers[0].needs
        self.module: Any = teachers[0].module

    def __call__(self, batch: Batch) -> Seen:
        return self._combined([teacher(batch) for teacher in self.teachers])

    def live(self, inputs: Mapping[str, Tensor]) -> Seen:
        """Answers for inputs that all teachers can read, from the modules themselves."""
        return self._combined([teacher.live(inputs) for teacher in self.teachers])

    def _combined(self, seen: Sequence[Seen]) -> Seen:
        import torch

        logits = torch.stack([one.logits for one in seen])
        return replace(seen[0], logits=combined(logits, self.weights, task=self.task, combine=self.combine))


def combined(
    logits: Tensor, weights: Sequence[float], *, task: Task, combine: Literal["mean", "confidence"]
) -> Tensor:
    """One answer from K teachers' logits.

    Args:
        logits: `[K, B, C]`, or `[K, B, L, C]` per token, float32.
        weights: K positive numbers; only their ratios count.

    Returns:
        `[B, C]` or `[B, L, C]`: log-probabilities for classes, logits for several labels, or numbers.
    """
    import torch
    import torch.nn.functional as F

    share = torch.tensor(weights, dtype=logits.dtype, device=logits.device)
    share = (share / share.sum()).view(-1, *[1] * (logits.ndim - 1))
    if task.truth == "number":
        return (share * logits).sum(0)
    several = task.truth == "classes"  # each label is a choice of its own, yes or no
    logs = F.logsigmoid(torch.stack([logits, -logits], -1)) if several else F.log_softmax(logits, -1)
    if combine == "confidence":
        entropy = -(logs.exp() * logs).sum(-1, keepdim=not several)
        if several:
            entropy = entropy.mean(-1, keepdim=True)
        certain = 1 - entropy / torch.log(torch.tensor(float(logs.shape[-1])))
        share = share * certain.clamp(min=1e-6)  # teachers who all know nothing count by their weights
        share = share / share.sum(0)
    mixed = torch.logsumexp(logs + (share.unsqueeze(-1) if several else share).log(), dim=0)
    return mixed[..., 0] - mixed[..., 1] if several else mixed
