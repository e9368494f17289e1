"""Self-distillation from the deepest layer into earlier ones (Zhang et al., 2019)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from edgekit import progress
from edgekit.distill.distiller import Distiller
from edgekit.distill.knowledge import Needs, Seen
from edgekit.distill.modes.learning import learn
from edgekit.distill.objectives import hidden_cosine, mean_pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgekit.distill.knowledge import Batch
    from edgekit.distill.teacher import Teacher
    from edgekit.tasks import Task


class Exit(nn.Module):
    """A head on an early layer: a feature per token, pooled unless the task answers per token.

    Args:
        width: of the layer, and of the feature.
        classes: of the task's output.
    """

    def __init__(self, width: int, classes: int, task: Task) -> None:
        super().__init__()
        self.feature = nn.Linear(width, width)
        self.head = nn.Linear(width, classes)
        self.per_token, self.unit = task.per_token, task.name == "sentence-embedding"

    def forward(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states `[B, L, D]` and mask `[B, L]` to features `[B, L, D]` and logits `[B, (L,) C]`."""
        feature = self.feature(hidden)
        pooled = feature if self.per_token else mean_pool(feature, mask)
        logits = self.head(nn.functional.gelu(pooled))
        return feature, nn.functional.normalize(logits, dim=-1) if self.unit else logits


class EarlyExits(Distiller):
    """Trains the student and a head at each early layer; the last layer teaches the heads.

    Each exit learns the labels, the last layer's answers, and its last hidden states as a hint
    (1 − cosine). No gradient flows into the last layer through what it teaches, but the shared layers
    below an exit learn from it. The exits are left out when the student is shipped.

    Args:
        exits: layer (1-based) → its head.
        lessons: labels for an exit, of weight 1; empty when the task has none.
        agree: the term by which an exit approaches the last layer's answers; of weight 1.
        last: number of the student's last layer.
        weight: of the mean over all exits.
        teacher: for the student's terms that compare with one; None if none does.
    """

    right: Tensor
    counted: Tensor
    shares: Tensor

    def __init__(
        self,
        student: nn.Module,
        terms: nn.ModuleList,
        exits: Mapping[int, Exit],
        *,
        lessons: nn.ModuleList,
        agree: Any,
        last: int,
        weight: float,
        teacher: Teacher | None,
    ) -> None:
        super().__init__()
        self.student, self.terms = student, terms
        self.exits = nn.ModuleDict({str(layer): exit_ for layer, exit_ in exits.items()})
        self.lessons, self.agree = lessons, agree
        self.last, self.weight = last, weight
        self.teacher = teacher
        self.register_buffer("right", torch.zeros(len(exits), dtype=torch.int64))
        self.register_buffer("counted", torch.zeros((), dtype=torch.int64))
        self.register_buffer("shares", torch.full((len(exits),), math.nan))

    @property
    def layers(self) -> Sequence[int]:
        """1-based layers that have an exit."""
        return [int(layer) for layer in self.exits]

    def forward(self, batch: Batch) -> Mapping[str, Tensor]:
        taught = self.teacher(batch) if self.teacher is not None else None
        more = Needs(hidden=frozenset({*self.layers, self.last}))
        seen, losses = learn(self.student, self.terms, batch, taught, more=more)
        deepest = seen.hidden[self.last].detach()
        answer = Seen(seen.logits.detach())
        share = self.weight / len(self.exits)
        logits = []
        for layer in self.layers:
            feature, said = self.exits[str(layer)](seen.hidden[layer], batch.mask)
            early = Seen(said.float())
            learned = [term.weight * term(early, None, batch) for term in self.lessons]
            learned.append(self.agree(early, answer, batch))
            learned.append(hidden_cosine(feature.float(), deepest, batch.mask))
            losses[f"exit_{layer}"] = share * torch.stack(learned).sum()
            logits.append(said.detach())
        self._count(logits, batch)
        return losses

    def epoch_ended(self, epoch: int) -> None:
        if self.counted > 0:
            self.shares.copy_(self.right / self.counted)
            self.right.zero_()
            self.counted.zero_()
            told = ", ".join(f"layer {layer} {score:.3f}" for layer, score in self.accuracy().items())
            progress.say(f"Early exits, share of labels right in epoch {epoch}: {told}")

    def accuracy(self) -> dict[int, float]:
        """Layer → share of the last full epoch's labels that its exit had right, each before learning it."""
        return dict(zip(self.layers, self.shares.tolist(), strict=True))

    @torch.no_grad()
    def _count(self, logits: Sequence[Tensor], batch: Batch) -> None:
        labels = batch.labels
        if labels is None or labels.is_floating_point():
            return  # several labels at once and numbers have no single right answer
        known = batch.labelled.view(-1, *[1] * (labels.ndim - 1)) & (labels != -100)
        self.right += torch.stack([((one.argmax(-1) == labels) & known).sum() for one in logits])
        self.counted += known.sum()
