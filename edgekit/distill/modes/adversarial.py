"""Adversarial distillation: a discriminator that tells the teacher's sentence from the student's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edgekit.distill.knowledge import Needs
from edgekit.distill.objectives import mean_pool

if TYPE_CHECKING:
    from edgekit.distill.knowledge import Batch, Seen
    from edgekit.distill.see import ModelShape


class Adversary(nn.Module):
    """A loss term that trains a discriminator and, against it, the student (Wang et al., 2018).

    The discriminator reads the masked mean of the last hidden states and learns whose it is; the student
    learns to be taken for the teacher. One optimizer does both: the discriminator's loss sees a detached
    student, and the student's loss sees detached discriminator weights. Reversing one shared gradient
    would be shorter, but it vanishes where the discriminator is sure, which is where a student starts
    (Goodfellow et al., 2014, section 3).

    Args:
        student, teacher: shapes; a projection lifts the student where the widths differ.
        hidden_size: of the discriminator's one hidden layer.
    """

    right: Tensor

    def __init__(self, *, student: ModelShape, teacher: ModelShape, hidden_size: int, weight: float) -> None:
        super().__init__()
        self.name, self.weight, self.needs_teacher = "adversarial", weight, True
        self.student_last, self.teacher_last = student.layers, teacher.layers
        self.student_needs = Needs(hidden=frozenset({student.layers}))
        self.teacher_needs = Needs(hidden=frozenset({teacher.layers}))
        same = student.width == teacher.width
        self.project = nn.Identity() if same else nn.Linear(student.width, teacher.width)
        self.discriminator = nn.Sequential(
            nn.LayerNorm(teacher.width),  # hidden states differ in scale from model to model
            nn.Linear(teacher.width, hidden_size),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden_size, 1),
        )
        self.register_buffer("right", torch.tensor(0.5))

    def forward(self, student: Seen, teacher: Seen | None, batch: Batch) -> Tensor:
        """Scalar `[]`: the discriminator's cross-entropy plus the student's, in nats a row."""
        assert teacher is not None
        ours = self.project(mean_pool(student.hidden[self.student_last], batch.mask))
        theirs = mean_pool(teacher.hidden[self.teacher_last], batch.mask).detach()
        guess_ours, guess_theirs = self.discriminator(ours.detach()), self.discriminator(theirs)
        told_apart = 0.5 * (_against(guess_theirs, 1.0) + _against(guess_ours, 0.0))
        weights = {name: value.detach() for name, value in self.discriminator.named_parameters()}
        taken_for_teacher = _against(torch.func.functional_call(self.discriminator, weights, (ours,)), 1.0)
        with torch.no_grad():
            hits = torch.cat([guess_theirs > 0, guess_ours <= 0]).float().mean()
            self.right.lerp_(hits.to(self.right), 0.1)
        return told_apart + taken_for_teacher

    @property
    def accuracy(self) -> float:
        """Running share of representations that the discriminator assigns rightly; 0.5 is a coin."""
        return float(self.right)


def _against(guess: Tensor, truth: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(guess.float(), torch.full_like(guess, truth).float())
