"""Self-distillation from the student's own past."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from edgekit.distill.distiller import Distiller
from edgekit.distill.knowledge import Needs
from edgekit.distill.modes.learning import learn
from edgekit.distill.see import see

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.distill.knowledge import Batch
    from edgekit.distill.teacher import Teacher


class Snapshot(Distiller):
    """Trains the student on its terms and on the answers of what it was before.

    `ema`: a running mean of its weights, updated after every step (mean teacher; Tarvainen & Valpola,
    2017). `epoch`: its weights at the end of the last epoch (snapshot distillation; Yang et al., 2019; in
    the first epoch there is none yet). The past is registered, so that a checkpoint holds it, and gets no
    gradient.

    Args:
        agree: the term by which the student approaches its past; of weight 1.
        decay: of the running mean, per step, 0–1.
        teacher: for terms that compare with one; None if none does.
    """

    begun: Tensor

    def __init__(
        self,
        student: nn.Module,
        terms: nn.ModuleList,
        *,
        agree: Any,
        kind: Literal["ema", "epoch"],
        decay: float,
        teacher: Teacher | None,
    ) -> None:
        super().__init__()
        self.student, self.terms, self.agree = student, terms, agree
        self.past = copy.deepcopy(student).requires_grad_(False).eval()
        self.kind, self.decay = kind, decay
        self.teacher = teacher
        self.register_buffer("begun", torch.tensor(kind == "ema"))

    def train(self, mode: bool = True) -> Snapshot:
        super().train(mode)
        self.past.eval()  # the past answers without dropout
        return self

    def forward(self, batch: Batch) -> Mapping[str, Tensor]:
        taught = self.teacher(batch) if self.teacher is not None else None
        seen, losses = learn(self.student, self.terms, batch, taught)
        if self.begun:
            with torch.no_grad():
                past = see(self.past, batch.inputs, Needs())
            losses["past"] = self.agree(seen, past, batch)
        return losses

    def stepped(self, step: int) -> None:
        if self.kind == "ema":
            self._remember(1 - self.decay)

    def epoch_ended(self, epoch: int) -> None:
        if self.kind == "epoch":
            self._remember(1.0)
            self.begun.fill_(True)

    @torch.no_grad()
    def _remember(self, share: float) -> None:
        """past ← past + share · (present − past), for every parameter; buffers are copied."""
        for old, new in zip(self.past.parameters(), self.student.parameters(), strict=True):
            old.lerp_(new, share)
        for kept, now in zip(self.past.buffers(), self.student.buffers(), strict=True):
            kept.copy_(now)
