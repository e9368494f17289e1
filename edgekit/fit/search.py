"""The loop of one worker: draw a student, see whether it can fit, train it while it pays, score its files."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.codec import from_json, to_json
from edgekit.errors import DiskFull, EdgekitError, MissingExtra
from edgekit.files import human
from edgekit.fit import ledger as book
from edgekit.fit.bounds import Bounds, Cost
from edgekit.fit.exact import FileCost, Scale, Shape, least_bytes, quietly
from edgekit.fit.halving import BYTES, MS
from edgekit.fit.outcome import Candidate, frontier
from edgekit.fit.space import Space, draw, recipe_with, tokens_of, words
from edgekit.fit.trial import answers_key, as_trial, share_teacher, train, trial_key
from edgekit.fit.validation import Scored, score_files
from edgekit.recipe.schema import Export, Recipe
from edgekit.stages.context import Context
from edgekit.types import CurvePoint

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

    from edgekit.fit.ledger import Held, Ledger

FRUITLESS = 300  # draws in a row without a new student that fits: the space is exhausted
FAILURES = 5  # trials in a row that end in an error: it is not their shape's fault
REFUSALS = 30  # and draws in a row that can't be trained so
STOPPED, FAILED, IMPOSSIBLE, NO_FIT = "stopped", "failed", "impossible", "does not fit"
WORDS, SECONDS, PARAMETERS, FILES = "words", "seconds", "parameters", "files"


class _Dominated(Exception):
    """Training ends: others do better at no higher cost."""


class _OutOfTime(Exception):
    """Training ends where it is, and continues next time."""


@dataclass
class Search:
    """What a worker of one search needs."""

    run: Path  # the recipe's results folder, with the finished teacher
    folder: Path  # of the search, `<run>/fit`
    context: Context  # of the recipe itself
    bounds: Bounds
    space: Space
    export: Export
    scale: Scale
    ledger: Ledger
    teacher_cost: Cost  # of its plain file
    teacher_score: float  # on the validation split
    trials: int  # trained students in all, of all workers
    deadline: float | None = None  # time.monotonic()
    offline: bool = False
    failures: list[EdgekitError] = field(default_factory=list)

    @property
    def config(self) -> Any:
        return self.context.base.module.config

    def go(self) -> None:
        """Works until enough students were trained, the time is up, or the space has no more.

        Raises:
            EdgekitError: trials fail one after another, or the disk is full.
        """
        fruitless = 0
        while fruitless < FRUITLESS and not self._late():
            with self.ledger.alone():
                held = self.ledger.orphan() if self._trained() < self.trials else None
                if held is not None:
                    progress.say(f"Student {held.trial.number}, which a run left unfinished, goes on.")
                elif self._enough():
                    return
                else:
                    held = self.ledger.draw(lambda trial: draw(trial, self.space), self._key)
            if held is None:
                fruitless += 1
                continue
            try:
                fruitless = 0 if self._one(held) else fruitless + 1
            except _OutOfTime:
                progress.say("The time is up; the student in training goes on when you start again.")
                return
            finally:
                held.lock.release()
        if fruitless >= FRUITLESS:
            progress.say(f"{FRUITLESS} draws in a row brought no new student that can fit: the search ends.")

    def recipe_of(self, chosen: Mapping[str, Any]) -> Recipe:
        """A choice as a recipe, named for what it trains."""
        made = self.made(chosen)
        return as_trial(made, trial_key(made, self.export), self.export)

    def made(self, chosen: Mapping[str, Any]) -> Recipe:
        """A choice laid over the recipe."""
        return recipe_with(self.context.recipe, chosen, self.config, tokens=self._all_tokens)

    def inside(self, chosen: Mapping[str, Any]) -> bool:
        """Whether an untrained student of this choice has a file inside the bounds."""
        recipe = self.recipe_of(chosen)
        if self.bounds.max_bytes is not None and not self._worth(recipe):
            return False
        return bool(self.scale.weigh(recipe).inside(self.bounds))

    def folder_of(self, key: str) -> Path:
        return self.folder / "trials" / key

    def _key(self, chosen: Mapping[str, Any]) -> str:
        return trial_key(self.made(chosen), self.export)

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _enough(self) -> bool:
        """Trained students and those in training; the latter count, or several workers would overshoot."""
        from optuna.trial import TrialState

        running = sum(t.state == TrialState.RUNNING for t in self.ledger.trials())
        return self._trained() + running >= self.trials

    def _trained(self) -> int:
        trials = self.ledger.trials()
        return sum(t.state.is_finished() and bool(t.user_attrs.get(book.TRAINED)) for t in trials)

    def _one(self, held: Held) -> bool:
        """One trial; whether its student could fit."""
        trial = held.trial
        recipe = self.recipe_of(draw(trial, self.space))
        said = words(recipe, self.config)
        trial.set_user_attr(WORDS, said)
        try:
            shape = self._fitting(trial, recipe)
            if shape is None:
                return False
            self._train(trial, recipe, shape, said)
        except _Dominated:
            self.ledger.close(trial, STOPPED)
            progress.say(f"Student {trial.number}: stopped, others that cost no more are ahead.")
            shutil.rmtree(self.folder_of(trial.user_attrs[book.KEY]), ignore_errors=True)
        except (DiskFull, MissingExtra):
            raise
        except EdgekitError as error:
            trained = bool(trial.user_attrs.get(book.TRAINED))
            why = f"{FAILED if trained else IMPOSSIBLE}: {error.fact}"
            self.ledger.close(trial, why, excess={"impossible": 1.0})
            progress.say(f"Student {trial.number} ({said}): {error.fact}")
            self.failures.append(error)
            if len(self.failures) >= (FAILURES if trained else REFUSALS):
                raise
            return False
        self.failures.clear()
        return True

    def _fitting(self, trial: Trial, recipe: Recipe) -> Shape | None:
        """The shape with the files that fit; None (and the trial closed) when none does."""
        least = self._least(recipe, self.export.precisions)
        if self.bounds.max_bytes is not None and least > self.bounds.max_bytes:
            why = f"{NO_FIT}: at least {human(least)} by its weights alone"
            self.ledger.close(trial, why, excess=self.bounds.excess(Cost(least, None)))
            return None
        shape = self.scale.weigh(recipe)
        trial.set_user_attr(PARAMETERS, shape.parameters)
        trial.set_user_attr(FILES, to_json(shape.files))
        made = [f for f in shape.files if not f.error]
        if not made:
            self.ledger.close(trial, f"{IMPOSSIBLE}: {shape.files[0].error}", excess={"impossible": 1.0})
            return None
        inside = shape.inside(self.bounds)
        if not inside:
            near = min(made, key=lambda f: max(self.bounds.excess(f.cost).values()))
            why = f"{NO_FIT}: {near.precision}: {self.bounds.broken_by(near.cost)}"
            self.ledger.close(trial, why, excess=self.bounds.excess(near.cost))
            return None
        for name in self.bounds.excess(inside[0].cost).keys() - trial.constraints.keys():
            trial.set_constraint(name, 0.0)
        trial.set_user_attr(BYTES, min(f.size_bytes for f in inside))
        times = [f.ms for f in inside if f.ms is not None]
        trial.set_user_attr(MS, min(times, default=0.0))
        return Shape(shape.parameters, inside)

    def _worth(self, recipe: Recipe) -> list[str]:
        """The precisions whose files are not too large by arithmetic."""
        limit = self.bounds.max_bytes
        return [p for p in self.export.precisions if limit is None or self._least(recipe, (p,)) <= limit]

    def _least(self, recipe: Recipe, precisions: Sequence[str]) -> int:
        return least_bytes(recipe.student, self.config, tokens=self._tokens, precisions=precisions)

    @cached_property
    def _tokens(self) -> int:
        from edgekit.models.students.vocabulary import count_tokens

        return len(count_tokens(self.context.rows_for(self.context.processor)))

    @cached_property
    def _all_tokens(self) -> int | None:
        span = tokens_of(self.context) if "student.vocabulary.size" in self.space else None
        return span[1] if span else None

    def _train(self, trial: Trial, recipe: Recipe, shape: Shape, said: str) -> None:
        from edgekit.pipeline import prepare
        from edgekit.stages.training import plan_students

        least = min(shape.files, key=lambda f: f.size_bytes)
        cost = human(least.size_bytes) + (f", {least.ms:.2g} ms" if least.ms is not None else "")
        progress.say(f"Student {trial.number}: {said}; as {least.precision} {cost}. Training.")
        started = time.monotonic()
        folder = self.folder_of(trial.user_attrs[book.KEY])
        share_teacher(self.run, folder, recipe, self.folder / "answers" / answers_key(recipe))
        context = prepare(recipe, folder, offline=self.offline)
        with quietly():
            plan_students(context)  # refuses what can't be taught so
        trial.set_user_attr(book.TRAINED, True)
        teacher, student = train(context, self._watch(trial, recipe))
        files = score_files(
            context,
            teacher,
            student,
            self._worth(recipe),
            weighed=shape.files,
            teacher_score=self.teacher_score,
        )
        trial.set_user_attr(SECONDS, time.monotonic() - started)
        trial.set_user_attr(book.RESULT, to_json(files))
        value, why = judged(files, self.bounds, self.teacher_cost)
        self.ledger.close(trial, why, values=value)
        best = max((f.retention for f in files if f.retention is not None), default=None)
        kept = f"keeps {100 * best:.1f} % on validation rows" if best is not None else why
        progress.say(f"Student {trial.number}: {kept}, in {time.monotonic() - started:.0f} s.")
        self._tidy()

    def _tidy(self) -> None:
        """Deletes the folders of students whose every file is beaten: they would be so under any bounds."""
        with self.ledger.alone():
            trials = {t.number: t for t in self.ledger.trials() if results_of(t)}
            best = {c.trial for c in frontier(usable(trials.values()))}
            for number, trial in trials.items():
                if number not in best:
                    shutil.rmtree(self.folder_of(trial.user_attrs[book.KEY]), ignore_errors=True)

    def _watch(self, trial: Trial, recipe: Recipe) -> Any:
        best, told = 0.0, self.ledger.last_step(trial)

        def watch(point: CurvePoint) -> None:
            nonlocal best, told
            best = max(best, point.validation_score)
            step = round(100 * point.epoch / recipe.distill.epochs)
            if step >= 100 or step <= told:
                return
            told = step
            trial.report(best / self.teacher_score if self.teacher_score else best, step)
            if trial.should_prune():
                raise _Dominated
            if self._late():
                raise _OutOfTime

        return watch


def judged(files: tuple[Scored, ...], bounds: Bounds, teacher: Cost) -> tuple[float, str]:
    """A trained student's value for the search, and why none of its files will do ("" when one does)."""
    usable = [f for f in files if f.retention is not None and not f.rejected_because]
    inside = [f for f in usable if not bounds.broken_by(f.cost)]
    if not inside:
        reasons = [f"{f.precision}: {f.rejected_because or bounds.broken_by(f.cost)}" for f in files]
        return 0.0, "; ".join(reasons)
    value = max(bounds.merit(f.retention or 0.0, f.cost, teacher) for f in inside)
    best = max(f.retention or 0.0 for f in inside)
    return value, "" if bounds.keeps(best) else f"keeps {100 * best:.1f} %"


def usable(trials: Iterable[FrozenTrial]) -> list[Candidate]:
    """The files of trained students that were executed and passed their gates."""
    return [
        Candidate(trial.number, file)
        for trial in trials
        for file in results_of(trial)
        if file.retention is not None and not file.rejected_because
    ]


def results_of(trial: FrozenTrial) -> tuple[Scored, ...]:
    """The scored files of a trial; none if it wasn't trained to its end."""
    return from_json(tuple[Scored, ...], trial.user_attrs.get(book.RESULT, []))


def shape_of(trial: FrozenTrial) -> tuple[FileCost, ...]:
    """The weighed files of a trial; none if arithmetic sufficed."""
    return from_json(tuple[FileCost, ...], trial.user_attrs.get(FILES, []))
