"""Which models a recipe trains between its teacher and its student, in order."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.recipe.schema import Distill, LossWeights, Recipe, Student, Teacher

TEACHER, STUDENT, LABEL_ONLY = "teacher", "student", "label-only"  # folders, and names in records
LABELS_ONLY = LossWeights(soft_targets=0.0, labels=1.0, hidden_cosine=0.0)


@dataclass(frozen=True, slots=True)
class Step:
    """One model that learns from others."""

    name: str  # its folder
    title: str
    student: Student  # its shape
    distill: Distill
    parent: str  # what it is cut from, unless `student.model` names a model
    source: str  # where `Context.sources` has `student.model`
    teachers: tuple[str, ...]


def teachers(recipe: Recipe) -> dict[str, Teacher]:
    """Teachers by folder; the student is cut from the first."""
    more = {f"{TEACHER}-{i}": one for i, one in enumerate(recipe.more_teachers, 2)}
    return {TEACHER: recipe.teacher, **more}


def steps(recipe: Recipe) -> tuple[Step, ...]:
    """Assistants, generations, and the student last; each is taught by the one before.

    An assistant learns offline, from the recipe's losses; the next one is cut from it and taught by it
    (Mirzadeh et al., 2020). Every generation starts from the same layers and is taught by the one before
    (Furlanello et al., 2018).
    """
    plain = recipe.distill.model_copy(update={"assistants": (), "generations": 1})
    # A listed layer map is meant for the student under its first teacher.
    listed = isinstance(plain.layer_map, tuple)
    spread = plain.model_copy(update={"layer_map": "uniform"}) if listed else plain
    off = {"mode": "offline", "adversarial": None, "hard_samples": None}
    parent, taught_by = TEACHER, tuple(teachers(recipe))
    made = []
    for number, shape in enumerate(recipe.distill.assistants, 1):
        name = f"assistant-{number}"
        title = f"Distil assistant {number}"
        distill = spread.model_copy(update=off)
        made.append(Step(name, title, shape, distill, parent, source=name, teachers=taught_by))
        parent, taught_by = name, (name,)
    last = recipe.distill.generations
    for number in range(1, last + 1):
        name = STUDENT if number == last else f"generation-{number}"
        title = "Distil the student" + (f", generation {number}" if last > 1 else "")
        distill = plain if number == 1 else spread
        made.append(Step(name, title, recipe.student, distill, parent, source=STUDENT, teachers=taught_by))
        taught_by = (name,)
    return tuple(made)


def alone(recipe: Recipe) -> Step:
    """The student without any teacher, on labels."""
    distill = recipe.distill.model_copy(
        update={
            "weights": LABELS_ONLY,
            "mode": "offline",
            "adversarial": None,
            "hard_samples": None,
            "on_policy": None,
            "teacher_texts": None,
            "assistants": (),
            "generations": 1,
        }
    )
    title = "Train the student on labels alone"
    return Step(LABEL_ONLY, title, recipe.student, distill, TEACHER, source=STUDENT, teachers=())
