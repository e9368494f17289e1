"""Deep mutual learning: students of one size that teach each other (Zhang et al., 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from edgekit.distill.distiller import Distiller
from edgekit.distill.knowledge import Seen
from edgekit.distill.modes.learning import learn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgekit.distill.knowledge import Batch
    from edgekit.distill.teacher import Teacher


class Mutual(Distiller):
    """Trains all peers; each learns from its own terms and from the others' present answers.

    What two peers agree on by different routes is more often right, and their soft answers spread
    probability over the second best classes. The first peer is the student that is shipped.

    Args:
        peers: the others, of the student's shape but with other starting weights.
        terms: one list for the student and one for each peer, in that order.
        agree: the term by which one peer approaches another; of weight 1, averaged over the others.
        teacher: for terms that compare with one; None if none does.
    """

    def __init__(
        self,
        student: nn.Module,
        peers: Sequence[nn.Module],
        terms: Sequence[nn.ModuleList],
        *,
        agree: Any,
        teacher: Teacher | None,
    ) -> None:
        super().__init__()
        self.student, self.peers = student, nn.ModuleList(peers)
        self.terms, self.agree = nn.ModuleList(terms), agree
        self.teacher = teacher

    def forward(self, batch: Batch) -> Mapping[str, Tensor]:
        taught = self.teacher(batch) if self.teacher is not None else None
        learned = [
            learn(module, terms, batch, taught)
            for module, terms in zip([self.student, *self.peers], self.terms, strict=True)
        ]
        answers = [Seen(seen.logits.detach()) for seen, _ in learned]
        losses: dict[str, Tensor] = {}
        for place, (seen, own) in enumerate(learned):
            others = [self.agree(seen, said, batch) for i, said in enumerate(answers) if i != place]
            everything = {**own, "peers": torch.stack(others).mean()}
            if place == 0:
                losses |= everything
            else:
                losses[f"peer_{place + 1}"] = torch.stack(list(everything.values())).sum()
        return losses
