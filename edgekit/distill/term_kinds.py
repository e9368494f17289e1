"""The kinds of loss terms: modules that know what they need to see, and hold what they learn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from math import gcd
from typing import TYPE_CHECKING, Any

import torch

from edgekit.distill import objectives
from edgekit.distill.knowledge import Batch, Needs, Seen
from edgekit.errors import TrainingError
from edgekit.scores import IGNORED

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.distill.see import ModelShape
    from edgekit.recipe.schema import Distill
    from edgekit.tasks import Task

Pairs = tuple[tuple[int, int], ...]  # (student layer, teacher layer), 1-based, shallow first
Measure = Callable[..., Any]  # an objective


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides how one term looks."""

    name: str
    weight: float
    config: Distill
    task: Task
    student: ModelShape
    teacher: ModelShape
    pairs: Pairs

    def refuse(self, why: str, remedy: str) -> TrainingError:
        return TrainingError(f"distill.weights.{self.name} is {self.weight:g}, but {why}", remedy=remedy)

    @property
    def embeds(self) -> bool:
        """Whether the task's output is itself a text's representation."""
        return self.task.name == "sentence-embedding"


class Term(torch.nn.Module):
    """One part of a loss. Called, it returns its value `[]` in float32, *before* its weight."""

    needs_teacher = True

    def __init__(self, plan: Plan, *, student: Needs | None = None, teacher: Needs | None = None) -> None:
        super().__init__()
        self.name, self.weight = plan.name, plan.weight
        self.student_needs, self.teacher_needs = student or Needs(), teacher or Needs()

    def forward(self, student: Seen, teacher: Seen | None, batch: Batch) -> Tensor:
        # Under autocast the products inside relational terms would be in half precision.
        with torch.autocast(student.logits.device.type, enabled=False):
            return self.value(student, teacher, batch)

    def value(self, student: Seen, teacher: Any, batch: Batch) -> Tensor:
        raise NotImplementedError


class Labels(Term):
    """The true labels of the rows that have one; of masked tokens, always."""

    needs_teacher = False

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.truth, self.smoothing = plan.task.truth, plan.config.label_smoothing
        if plan.embeds:
            raise plan.refuse("sentence embeddings have no labels.", "Set it to 0.")
        if self.truth == "number" and self.smoothing:
            raise plan.refuse(
                "label smoothing has no meaning for numbers.", "Set distill.label_smoothing to 0."
            )

    def value(self, student: Seen, teacher: Any, batch: Batch) -> Tensor:
        logits, labels = student.logits, batch.labels
        if labels is None:
            return logits.flatten()[:0].sum()
        if self.truth in ("classes", "number"):
            logits, labels = logits[batch.labelled], labels[batch.labelled]
            if self.truth == "number":
                return objectives.number_labels(logits, labels)
            return objectives.multi_hot_labels(logits, labels, label_smoothing=self.smoothing)
        if self.truth == "nothing":
            # Few tokens are masked, and the vocabulary is large.
            masked = labels != IGNORED
            logits, labels = logits[masked], labels[masked]
        else:
            counts = batch.labelled.reshape(-1, *[1] * (labels.dim() - 1))
            labels = labels.masked_fill(~counts, IGNORED)
        return objectives.hard_labels(logits.flatten(0, -2), labels.flatten(), label_smoothing=self.smoothing)


class Response(Term):
    """The teacher's outputs, row by row: texts, real tokens, or masked tokens."""

    def __init__(self, plan: Plan, measure: Measure, *, without: tuple[str, ...] = ()) -> None:
        super().__init__(plan)
        self.task, self.measure = plan.task, measure
        if plan.embeds or plan.task.truth in without:
            instead = {"number": "logit_mse", "classes": "soft_targets"}
            raise plan.refuse(
                f"{plan.task.name} has no such answers to compare.",
                f"Set it to 0 and use {instead.get(plan.task.truth, 'embedding_cosine')}.",
            )
        if plan.student.classes != plan.teacher.classes:
            raise plan.refuse(
                f"the student has {plan.student.classes:,} outputs and the teacher {plan.teacher.classes:,}.",
                "Give both the same labels (and, for masked-lm, the same vocabulary), or set it to 0.",
            )

    def rows(self, values: Tensor, batch: Batch) -> Tensor:
        """`[N, …]` of the rows that count, from `[B, …]` or `[B, L, …]`."""
        if not self.task.per_token:
            return values
        if self.task.name == "masked-lm" and batch.labels is not None:
            return values[batch.labels != IGNORED]
        return values[objectives.real_tokens(batch.mask)]

    def value(self, student: Seen, teacher: Any, batch: Batch) -> Tensor:
        return self.measure(self.rows(student.logits, batch), self.rows(teacher.logits, batch))


class Divergence(Response):
    """A response term on probabilities: of classes, or of each label by itself where there are several."""

    def __init__(
        self, plan: Plan, measure: Measure, *, without: tuple[str, ...] = ("number",), **settings: float
    ) -> None:
        softened = partial(measure, temperature=plan.config.temperature, **settings)
        super().__init__(plan, softened, without=without)
        self.several = plan.task.truth == "classes"

    def rows(self, values: Tensor, batch: Batch) -> Tensor:
        rows = super().rows(values, batch)
        return objectives.bernoulli_logits(rows) if self.several else rows


class Decoupled(Divergence):
    """DKD about the true class; where there is none, about the teacher's most likely one."""

    def value(self, student: Seen, teacher: Any, batch: Batch) -> Tensor:
        answers = self.rows(teacher.logits, batch)
        targets = answers.argmax(-1)
        if batch.labels is not None:
            labels = batch.labels
            if self.task.truth != "nothing":
                counts = batch.labelled.reshape(-1, *[1] * (labels.dim() - 1))
                labels = labels.masked_fill(~counts, IGNORED)
            labels = self.rows(labels, batch)
            targets = torch.where(labels == IGNORED, targets, labels)
        return self.measure(self.rows(student.logits, batch), answers, targets)


class Hidden(Term):
    """Hidden states of paired layers: the mean over pairs, through one learned map where it is needed."""

    def __init__(self, plan: Plan, measure: Measure, pairs: Pairs, *, project: str = "never") -> None:
        if not pairs:
            raise plan.refuse("the student has no layers.", "Set it to 0.")
        super().__init__(plan, student=_hidden(p[0] for p in pairs), teacher=_hidden(p[1] for p in pairs))
        self.measure, self.pairs = measure, pairs
        self.project = _projection(plan.student.width, plan.teacher.width, when=project)

    def value(self, student: Seen, teacher: Any, batch: Batch) -> Tensor:
        values = [
            self.measure(self.project(student.hidden[s]), teacher.hidden[t], batch.mask)
            for s, t in self.pairs
        ]
        return torch.stack(values).mean()


class AttentionMaps(Term):
    """Attention probabilities of paired layers: the mean over pairs."""

    def __init__(self, plan: Plan) -> None:
        _check_attention(plan)
        super().__init__(
            plan,
            student=Needs(attentions=frozenset(s for s, _ in plan.pairs)),
            teacher=Needs(attentions=frozenset(t for _, t in plan.pairs)),
        )
        self.pairs = plan.pairs

    def value(self, student: Seen, teacher: Any, batch: Batch) -> Tensor:
        values = [
            objectives.attention_maps(student.attentions[s], teacher.attentions[t], batch.mask)
            for s, t in self.pairs
        ]
        return torch.stack(values).mean()


class AttentionRelations(Term):
    """Relations among queries, among keys and among values of the last pair: the mean of the three."""

    def __init__(self, plan: Plan) -> None:
        _check_attention(plan)
        super().__init__(
            plan,
            student=Needs(relations=frozenset({plan.pairs[-1][0]})),
            teacher=Needs(relations=frozenset({plan.pairs[-1][1]})),
        )
        self.pair = plan.pairs[-1]
        self.heads = plan.config.objectives.relation_heads
        widths = [shape.attention_width or shape.width for shape in (plan.student, plan.teacher)]
        if any(width % self.heads for width in widths):
            raise plan.refuse(
                f"{self.heads} relation heads do not divide the attention widths {widths[0]} of the student "
                f"and {widths[1]} of the teacher.",
                f"Set distill.objectives.relation_heads to a divisor of {gcd(*widths)}.",
            )

    def value(self, student: Seen, teacher: Any, batch: Batch) -> Tensor:
        both = zip(student.relations[self.pair[0]], teacher.relations[self.pair[1]], strict=True)
        values = [objectives.attention_relations(s, t, batch.mask, heads=self.heads) for s, t in both]
        return torch.stack(values).mean()


class Embedding(Term):
    """Representations of whole texts: the output where the task is to embed, else the mean last state."""

    def __init__(self, plan: Plan, measure: Measure, *, project: str = "never") -> None:
        last = plan.student.layers, plan.teacher.layers
        needs = [None, None] if plan.embeds else [_hidden([layer]) for layer in last]
        super().__init__(plan, student=needs[0], teacher=needs[1])
        self.measure, self.embeds, self.last = measure, plan.embeds, last
        widths = _representation_width(plan.student, plan), _representation_width(plan.teacher, plan)
        if plan.embeds and project == "widths" and widths[0] != widths[1]:
            raise plan.refuse(
                f"the student's embeddings have {widths[0]} numbers and the teacher's {widths[1]}.",
                "Give the student a projection to the teacher's size, so that it is exported with it.",
            )
        self.project = _projection(*widths, when=project)

    def seen(self, student: Seen, teacher: Seen, batch: Batch) -> tuple[Tensor, Tensor]:
        """`[B, D]` and `[B, D']`."""
        if self.embeds:
            return student.logits, teacher.logits.detach()
        own, others = student.hidden[self.last[0]], teacher.hidden[self.last[1]].detach()
        return objectives.mean_pool(own, batch.mask), objectives.mean_pool(others, batch.mask)

    def value(self, student: Seen, teacher: Any, batch: Batch) -> Tensor:
        own, others = self.seen(student, teacher, batch)
        return self.measure(self.project(own), others)


class Contrastive(Embedding):
    """CRD against the batch's other rows and the latest teacher rows before it.

    The memory holds the teacher's representations, not their projections: those of a frozen teacher never
    grow stale, and all negatives pass through the projection as it is now.
    """

    memory: Tensor  # `[K, D']`
    owners: Tensor  # `[K]` int64 places in the training set; −1: empty
    written: Tensor  # `[]` int64, rows ever written

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, objectives.contrastive)
        settings = plan.config.objectives
        width = _representation_width(plan.teacher, plan)
        self.temperature = settings.contrastive_temperature
        self.project = torch.nn.Linear(_representation_width(plan.student, plan), settings.projection_size)
        self.project_teacher = torch.nn.Linear(width, settings.projection_size)
        size = settings.contrastive_negatives
        self.register_buffer("memory", torch.zeros(size, width))
        self.register_buffer("owners", torch.full((size,), -1))
        self.register_buffer("written", torch.tensor(0))

    def value(self, student: Seen, teacher: Any, batch: Batch) -> Tensor:
        own, others = self.seen(student, teacher, batch)
        indices = torch.tensor(batch.indices, device=own.device)
        # A new tensor: `remember` writes into the memory before the backward pass reads this one.
        candidates = torch.cat([others, self.memory])
        owners = torch.cat([indices, self.owners])
        projected = self.project_teacher(candidates)
        loss = self.measure(
            self.project(own),
            projected[: len(own)],
            projected,
            temperature=self.temperature,
            allowed=(owners >= 0) & (owners != indices[:, None]),
        )
        if self.training:
            self.remember(others, indices)
        return loss

    @torch.no_grad()
    def remember(self, rows: Tensor, indices: Tensor) -> None:
        """Overwrites the oldest rows."""
        rows, indices = rows[-len(self.memory) :], indices[-len(self.memory) :]
        places = (self.written + torch.arange(len(rows), device=rows.device)) % len(self.memory)
        self.memory[places], self.owners[places] = rows, indices
        self.written += len(rows)


def _hidden(layers: Iterable[int]) -> Needs:
    return Needs(hidden=frozenset(layers))


def _projection(student: int, teacher: int, *, when: str) -> torch.nn.Module:
    """`when`: "never", "widths" (only where they differ), or "always" (a regressor)."""
    if when == "never" or (when == "widths" and student == teacher):
        return torch.nn.Identity()
    return torch.nn.Linear(student, teacher, bias=when == "always")


def _representation_width(shape: ModelShape, plan: Plan) -> int:
    return shape.classes if plan.embeds else shape.width


def _check_attention(plan: Plan) -> None:
    for who, shape in (("student", plan.student), ("teacher", plan.teacher)):
        if shape.heads is None or not plan.pairs:
            raise plan.refuse(
                f"the {who} has no attention.", "Set it to 0, or use transformer encoders for both models."
            )
