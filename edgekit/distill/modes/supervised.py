"""Labels alone: how a teacher is fine-tuned, and what every student is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from edgekit.distill.distiller import Distiller
from edgekit.distill.modes.learning import learn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.distill.knowledge import Batch


class Supervised(Distiller):
    """Trains one model on labels; nobody teaches it.

    Args:
        student: the model in training.
        terms: none that compares with a teacher.
    """

    def __init__(self, student: nn.Module, terms: nn.ModuleList) -> None:
        super().__init__()
        self.student, self.terms = student, terms

    def forward(self, batch: Batch) -> Mapping[str, Tensor]:
        return learn(self.student, self.terms, batch, None)[1]
