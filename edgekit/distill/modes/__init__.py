"""Modes of distillation: who teaches the student, and who else learns, in one visible table.

A recipe's weights say what the student learns from labels and from its teacher. A mode adds who teaches it:

    offline       the teacher, frozen
    online        the teacher, which learns alongside
    mutual        also its peers, which learn alongside
    early_exits   the teacher; its last layer teaches heads on its earlier ones
    snapshot      also its own past

The last three need no teacher when the weights ask for none. A discriminator and generated hard samples are
further terms of the loss, in any mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from edgekit.distill.modes.adversarial import Adversary
from edgekit.distill.modes.early_exits import EarlyExits, Exit
from edgekit.distill.modes.hard_samples import HardSamples
from edgekit.distill.modes.learning import LABELS_ONLY, SILENT, agreement
from edgekit.distill.modes.mutual import Mutual
from edgekit.distill.modes.offline import Offline
from edgekit.distill.modes.online import Online
from edgekit.distill.modes.snapshot import Snapshot
from edgekit.distill.modes.supervised import Supervised
from edgekit.distill.see import ModelShape, shape_of
from edgekit.distill.terms import make_terms, total_needs
from edgekit.errors import TrainingError

if TYPE_CHECKING:
    from edgekit.distill.distiller import Distiller
    from edgekit.distill.knowledge import Needs
    from edgekit.distill.teacher import Teacher
    from edgekit.recipe.schema import Distill
    from edgekit.tasks import Task

__all__ = ["LABELS_ONLY", "SILENT", "make_distiller"]


def make_distiller(
    config: Distill,
    *,
    task: Task,
    student: Any,
    classes: int,
    teacher: Any | None = None,
    ask: Callable[[Needs], Teacher] | None = None,
    peers: Sequence[Any] = (),
    seed: int = 0,
) -> Distiller:
    """What the loop trains for this recipe section.

    Args:
        config: mode, weights and settings.
        student: the module that is shipped.
        classes: last dimension of the task's output.
        teacher: its module, for its shape, for modes that train it (on a copy of its own) and for hard
            samples; None: nobody teaches.
        ask: makes the frozen teacher once it is known what the losses need to see of it; called only if
            some loss compares with a teacher that stays as it is.
        peers: modules of the student's shape with other starting weights, for `mutual`.
        seed: of everything that is new here: projections, exits, the discriminator.

    Raises:
        TrainingError: a loss that this task, these models or this layer map can't have, or that needs a
            teacher where there is none.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MODES[config.mode](_Parts(config, task, student, classes, teacher, ask, peers))


@dataclass
class _Parts:
    """What every mode is put together from."""

    config: Distill
    task: Task
    student: Any
    classes: int
    teacher: Any | None
    ask: Callable[[Needs], Teacher] | None
    peers: Sequence[Any]

    @property
    def shape(self) -> ModelShape:
        return shape_of(self.student, classes=self.classes)

    def terms(self, module: Any) -> Any:
        """What `module`, the student or a peer of it, learns from labels and from the recipe's teacher."""
        config = self.config
        theirs = shape_of(self.teacher, classes=self.classes) if self.teacher is not None else None
        terms = make_terms(config.weights, config, task=self.task, student=self.shape, teacher=theirs)
        extra = {"adversarial": config.adversarial, "hard_samples": config.hard_samples}
        for name, asked in extra.items():
            if asked is not None and theirs is None:
                raise TrainingError(
                    f"distill.{name} is set, but nobody teaches here.",
                    remedy=f"Remove distill.{name}, or give a teacher.",
                )
        if config.adversarial is not None and theirs is not None:
            terms.append(
                Adversary(
                    student=self.shape,
                    teacher=theirs,
                    hidden_size=config.adversarial.hidden_size,
                    weight=config.adversarial.weight,
                )
            )
        if config.hard_samples is not None:
            terms.append(
                HardSamples(
                    module,
                    self.teacher,
                    task=self.task,
                    agree=self.agree(),
                    temperature=config.temperature,
                    radius=config.hard_samples.radius,
                    steps=config.hard_samples.steps,
                    weight=config.hard_samples.weight,
                )
            )
        return terms

    def agree(self) -> Any:
        return agreement(self.config, self.task, self.shape)

    def lessons(self, shape: ModelShape) -> Any:
        """Labels alone, with weight 1; empty for a task without any."""
        if self.task.truth == "nothing" and self.task.name != "masked-lm":
            return torch.nn.ModuleList()
        return make_terms(LABELS_ONLY, self.config, task=self.task, student=shape, teacher=None)

    def answers(self, terms: Any) -> Teacher | None:
        """The frozen teacher, if a term compares with one."""
        if not any(term.needs_teacher for term in terms):
            return None
        assert self.ask is not None, "a teacher's module was given, but no way to ask it"
        return self.ask(total_needs(terms)[1])


def _offline(parts: _Parts) -> Distiller:
    terms = parts.terms(parts.student)
    teacher = parts.answers(terms)
    return Supervised(parts.student, terms) if teacher is None else Offline(parts.student, terms, teacher)


def _online(parts: _Parts) -> Distiller:
    teacher = parts.teacher
    if teacher is None:
        raise TrainingError(
            "distill.mode is online, but nobody teaches here.",
            remedy="Give a teacher, or use mode mutual, early_exits or snapshot.",
        )
    teacher.requires_grad_(True)
    lessons = parts.lessons(shape_of(teacher, classes=parts.classes))
    return Online(parts.student, parts.terms(parts.student), teacher, lessons)


def _mutual(parts: _Parts) -> Distiller:
    terms = [parts.terms(module) for module in (parts.student, *parts.peers)]
    return Mutual(parts.student, parts.peers, terms, agree=parts.agree(), teacher=parts.answers(terms[0]))


def _early_exits(parts: _Parts) -> Distiller:
    shape, settings = parts.shape, parts.config.early_exits
    early = tuple(range(1, shape.layers))
    layers = tuple(sorted(set(settings.layers))) or early
    if not layers or not set(layers) <= set(early):
        raise TrainingError(
            f"distill.early_exits.layers is {list(settings.layers)}, and the student has {shape.layers} "
            "layers; an exit lies before the last one.",
            remedy=f"List layers from 1 to {shape.layers - 1}, or give the student more layers."
            if early
            else "Give the student at least 2 layers.",
        )
    terms = parts.terms(parts.student)
    return EarlyExits(
        parts.student,
        terms,
        {layer: Exit(shape.width, parts.classes, parts.task) for layer in layers},
        lessons=parts.lessons(shape),
        agree=parts.agree(),
        last=shape.layers,
        weight=settings.weight,
        teacher=parts.answers(terms),
    )


def _snapshot(parts: _Parts) -> Distiller:
    terms, settings = parts.terms(parts.student), parts.config.snapshot
    return Snapshot(
        parts.student,
        terms,
        agree=parts.agree(),
        kind=settings.kind,
        decay=settings.decay,
        teacher=parts.answers(terms),
    )


MODES: dict[str, Callable[[_Parts], Distiller]] = {
    "offline": _offline,
    "online": _online,
    "mutual": _mutual,
    "early_exits": _early_exits,
    "snapshot": _snapshot,
}
