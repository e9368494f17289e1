"""Hard samples made on the fly: texts moved, in embedding space, to where student and teacher disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edgekit.distill.knowledge import Needs, Seen
from edgekit.distill.see import see

if TYPE_CHECKING:
    from edgekit.distill.knowledge import Batch
    from edgekit.tasks import Task


class HardSamples(nn.Module):
    """A loss term: the student learns the teacher's answers at the points of largest disagreement.

    Adversarial points between two models rather than around a label (Heo et al., 2019), by the gradient
    step of virtual adversarial training on text (Miyato et al., 2017). Every token's embedding takes a
    step of a fixed length, relative to its own norm, along the gradient of the disagreement; the same
    relative step is taken in the teacher's embeddings, and both answer there. Gradients reach the
    student's layers, but not its token table: the points lie on no token.

    Args:
        student, teacher: transformers modules of one tokenizer and one embedding width. The teacher is
            asked live and stays as it is; neither is registered here.
        agree: the term that the student minimises at the points; of weight 1.
        temperature: at which the search compares classes.
        radius: length of the whole step, as a share of each token's embedding norm.
        steps: it is cut into.
    """

    def __init__(
        self,
        student: Any,
        teacher: Any,
        *,
        task: Task,
        agree: Any,
        temperature: float,
        radius: float,
        steps: int,
        weight: float,
    ) -> None:
        super().__init__()
        self.name, self.weight, self.needs_teacher = "hard_samples", weight, False  # it asks by itself
        self.student_needs = self.teacher_needs = Needs()
        self.task, self.agree, self.temperature = task, agree, temperature
        self.radius, self.steps = radius, steps
        self._models = (student, teacher)  # a tuple is not registered: both live elsewhere

    def forward(self, student: Seen, teacher: Seen | None, batch: Batch) -> Tensor:
        """Scalar `[]`: the disagreement at the moved points."""
        return self.disagreement(batch, self.find(batch))

    def find(self, batch: Batch) -> Tensor:
        """The step `[B, L, E]` in units of each token's embedding norm; 0 at padding; without gradient."""
        real = batch.mask.unsqueeze(-1).float()
        step = torch.zeros_like(self._embedded(batch)[0])
        for _ in range(self.steps):
            step.requires_grad_(True)
            with torch.enable_grad():
                said, taught = self._answers(batch, step, frozen=False)
                gap = self._gap(said.logits, taught.logits, batch.mask)
            (gradient,) = torch.autograd.grad(gap, step)
            step = (
                step.detach() + self.radius / self.steps * F.normalize(gradient, dim=-1, eps=1e-30)
            ) * real
        return step.detach()

    def disagreement(self, batch: Batch, step: Tensor) -> Tensor:
        """Scalar `[]`: the `agree` term at texts moved by `step` `[B, L, E]`, in embedding norms."""
        return self.agree(*self._answers(batch, step, frozen=True), batch)

    @torch.no_grad()
    def _embedded(self, batch: Batch) -> list[Tensor]:
        tables: list[Any] = [module.get_input_embeddings() for module in self._models]
        return [table(batch.inputs["input_ids"]).float() for table in tables]

    def _answers(self, batch: Batch, step: Tensor, *, frozen: bool) -> tuple[Seen, Seen]:
        """Student's and teacher's outputs there; `frozen`: no gradient through the teacher."""
        others = {name: value for name, value in batch.inputs.items() if name != "input_ids"}
        moved = [e + step * e.norm(dim=-1, keepdim=True) for e in self._embedded(batch)]
        ours, theirs = ({**others, "inputs_embeds": e} for e in moved)
        said = see(self._models[0], ours, Needs())
        with torch.set_grad_enabled(not frozen):
            return said, see(self._models[1], theirs, Needs())

    def _gap(self, ours: Tensor, theirs: Tensor, mask: Tensor) -> Tensor:
        """Sum of the rows' disagreements. Unlike a loss, it follows how both models change."""
        if self.task.truth == "number" or self.task.name == "sentence-embedding":
            apart = (ours - theirs).square().sum(-1)
        else:
            if self.task.truth == "classes":  # each label is a choice of its own between yes and no
                ours, theirs = torch.stack([ours, -ours], -1), torch.stack([theirs, -theirs], -1)
            q, p = (F.log_softmax(one / self.temperature, dim=-1) for one in (ours, theirs))
            apart = F.kl_div(q, p, reduction="none", log_target=True).sum(-1)
        return (apart * mask).sum() if self.task.per_token else apart.sum()
