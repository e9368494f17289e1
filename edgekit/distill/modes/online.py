"""Online distillation: the teacher is still learning, and the student follows it from its first mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from edgekit.distill.distiller import Distiller
from edgekit.distill.modes.learning import detached, learn
from edgekit.distill.terms import total_needs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.distill.knowledge import Batch


class Online(Distiller):
    """Trains teacher and student side by side (Anil et al., 2018, with one large and one small model).

    The teacher learns from labels; the student from its terms and the teacher's answers of the moment,
    through which no gradient reaches the teacher. Both read the same tokens.

    Args:
        teacher: trained in place; give it a copy of its own.
        lessons: the teacher's terms, labels alone.
    """

    def __init__(
        self, student: nn.Module, terms: nn.ModuleList, teacher: nn.Module, lessons: nn.ModuleList
    ) -> None:
        super().__init__()
        self.student, self.terms = student, terms
        self.teacher, self.lessons = teacher, lessons
        self.shown = total_needs(terms)[1]

    def forward(self, batch: Batch) -> Mapping[str, Tensor]:
        taught, own = learn(self.teacher, self.lessons, batch, None, more=self.shown)
        losses = learn(self.student, self.terms, batch, detached(taught))[1]
        return {**losses, **{f"teacher_{name}": value for name, value in own.items()}}
