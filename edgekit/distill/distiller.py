"""What the loop trains: a module that turns a batch into weighted loss terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.distill.knowledge import Batch


class Distiller(torch.nn.Module):
    """A student and everything that learns beside it: projections, exits, peers, a discriminator.

    A mode of distillation is a subclass. What it registers as a module or a parameter is trained if it
    requires a gradient, saved in every checkpoint, and synchronised over processes; a frozen teacher is
    therefore *not* registered (see `Teacher`). `student` alone is evaluated and shipped.
    """

    student: Any  # a transformers module

    def forward(self, batch: Batch) -> Mapping[str, Tensor]:
        """Loss terms `[]` by name, each already weighted; their sum is minimised."""
        raise NotImplementedError

    def stepped(self, step: int) -> None:
        """Called after every optimizer step; `step` counts from 1."""

    def epoch_ended(self, epoch: int) -> None:
        """Called after every epoch; `epoch` counts from 1."""
