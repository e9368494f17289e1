"""One student of a search: its recipe, its folder with the shared teacher, and its training."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from edgekit.files import sha256_json
from edgekit.fit.exact import quietly
from edgekit.recipe.schema import Export, Recipe
from edgekit.stages.context import Context
from edgekit.stages.steps import TEACHER, teachers
from edgekit.types import CurvePoint, Trained

PRIVATE = ".edgekit"
# What a trained student does not depend on.
_INDIFFERENT = {"name", "description", "baselines", "exports", "kits", "gates", "benchmark", "fit"}


def trial_key(recipe: Recipe, export: Export) -> str:
    """12 hex digits of all that training depends on; the name of a trial's folder."""
    told = recipe.model_dump(mode="json", exclude=_INDIFFERENT)
    return sha256_json([told, export.target])[:12]


def as_trial(recipe: Recipe, key: str, export: Export, precisions: Sequence[str] = ()) -> Recipe:
    """A trial's recipe as a user would run it: one export, no other baselines, no kits, a name of its own.

    Names of all trials have the same length: an exported file carries its recipe's.
    """
    from edgekit.recipe.schema import Baselines, Fit

    chosen = tuple(precisions) or export.precisions
    return recipe.model_copy(
        update={
            "name": f"{recipe.name[:48]}-{key}",
            "baselines": Baselines(label_only=False, tfidf=False),
            "exports": (export.model_copy(update={"precisions": chosen}),),
            "kits": (),
            "fit": Fit(),
        }
    )


def share_teacher(run: Path, folder: Path, recipe: Recipe, answers: Path) -> None:
    """Gives a trial's folder the run's finished teachers, without a second copy on disk.

    Args:
        answers: of the teachers to this trial's rows; trials that ask the same share them.
    """
    names = list(teachers(recipe))
    for name in names:
        if (run / name).is_dir() and not (folder / name).exists():
            link_tree(run / name, folder / name)
    _copy_records(run, folder)
    answers.mkdir(parents=True, exist_ok=True)
    link = folder / PRIVATE / "answers"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(answers, link.parent), target_is_directory=True)


def give_back(folder: Path, run: Path, recipe: Recipe) -> None:
    """Gives the run what was made of its teachers here, their own exports above all: it is made once."""
    for name in teachers(recipe):
        for made in (folder / name).iterdir() if (folder / name).is_dir() else ():
            if made.is_dir() and (run / name).is_dir() and not (run / name / made.name).exists():
                link_tree(made, run / name / made.name)
    _copy_records(folder, run)


def _copy_records(source: Path, target: Path) -> None:
    """Records about teachers that the target lacks; each is only believed with its key and its outputs."""
    for part, ending in (("stages", "json"), ("logits", "npy")):
        (target / PRIVATE / part).mkdir(parents=True, exist_ok=True)
        for record in (source / PRIVATE / part).glob(f"*.{ending}"):
            copy = target / PRIVATE / part / record.name
            if TEACHER in record.stem.split("-") and not copy.exists():
                shutil.copy2(record, copy)


def link_tree(source: Path, target: Path) -> None:
    """A second name for every file of a folder; a copy where the file system has no hard links.

    Nothing below is ever written in place: `files.atomic` renames, which leaves the other name alone.
    """

    def link(one: str, other: str) -> None:
        try:
            os.link(one, other)
        except OSError:
            shutil.copy2(one, other)

    partial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial, copy_function=link)
    partial.replace(target)


def answers_key(recipe: Recipe) -> str:
    """Trials of the same key ask their teachers the same: the rows, and what is looked at inside."""
    distill = recipe.distill
    looks = {k: bool(v) for k, v in distill.weights.model_dump().items() if k not in ("labels",)}
    told = [
        recipe.data.model_dump(mode="json"),
        looks,
        distill.layer_map,
        recipe.student.layers,
        distill.mode,
        distill.cache_top_k,
        bool(recipe.pretrain),
    ]
    return sha256_json(told)[:12]


def train(context: Context, watch: Callable[[CurvePoint], None]) -> tuple[Trained, Trained]:
    """The teacher, which is there already, and the student.

    Args:
        watch: told each evaluation; what it raises ends training.
    """
    from edgekit.stages.pretraining import train_pretrained
    from edgekit.stages.training import train_student, train_teachers

    context.watch = watch
    with quietly():
        taught_by = train_teachers(context)
    student = train_student(context, taught_by, train_pretrained(context))
    return taught_by[TEACHER], student
