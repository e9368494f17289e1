"""Offline distillation: a teacher that has finished learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from edgekit.distill.distiller import Distiller
from edgekit.distill.modes.learning import learn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.distill.knowledge import Batch
    from edgekit.distill.teacher import Teacher


class Offline(Distiller):
    """Trains the student, and the terms' projections, under a frozen teacher (Hinton et al., 2015).

    Args:
        student: the model in training.
        terms: what it learns, each weighted.
        teacher: answers by row; not registered, so neither trained nor saved.
    """

    def __init__(self, student: nn.Module, terms: nn.ModuleList, teacher: Teacher) -> None:
        super().__init__()
        self.student, self.terms = student, terms
        self.teacher = teacher

    def forward(self, batch: Batch) -> Mapping[str, Tensor]:
        return learn(self.student, self.terms, batch, self.teacher(batch))[1]
