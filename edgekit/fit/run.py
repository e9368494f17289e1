"""`fit_recipe`: from a recipe and bounds to the students that no other beats, as tested artifacts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import __version__, progress
from edgekit.codec import to_json
from edgekit.errors import GateFailed, RecipeError, RunLocked
from edgekit.files import folder_lock, sha256_json
from edgekit.fit import ledger as book
from edgekit.fit.bounds import Bounds
from edgekit.fit.exact import Scale, runs_here
from edgekit.fit.finish import finish
from edgekit.fit.outcome import excess_of
from edgekit.fit.proposals import own_choice, proposals
from edgekit.fit.refuse import check_reachable, check_search
from edgekit.fit.results import Outcome, tested
from edgekit.fit.search import Search, judged, results_of
from edgekit.fit.space import params_of, space_of
from edgekit.fit.times import Yardstick
from edgekit.fit.trial import as_trial, trial_key
from edgekit.fit.validation import validation_score
from edgekit.fit.workers import helped
from edgekit.quiet import hush
from edgekit.recipe.schema import Export, Recipe, Student
from edgekit.threads import share_cores

if TYPE_CHECKING:
    from edgekit.assets.fetch import Plan
    from edgekit.stages.context import Context

FOLDER = "fit"
_POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """How long a search lasts and who takes part."""

    trials: int | None = None  # trained students in all; None: the recipe's
    hours: float | None = None
    workers: int = 1
    seed: int = 0  # of the search; the students' is the recipe's
    offline: bool = False


@dataclass(frozen=True, slots=True)
class FitPlan:
    """What a search would do, for `--dry-run`."""

    folder: Path
    bounds: Bounds
    target: str
    precisions: tuple[str, ...]
    trials: int
    downloads: tuple[Plan, ...]
    space: dict[str, Any]  # of the recipe alone while the base model is not there
    derived: bool  # whether `space` is complete


def plan_fit(recipe: Recipe, bounds: Bounds, options: Options, *, out: Path | None = None) -> FitPlan:
    """What `fit_recipe` would download and try. Changes nothing.

    Raises:
        RecipeError: the recipe exports nothing that a search could fit.
    """
    from edgekit.assets.fetch import describe
    from edgekit.pipeline import RESULTS, assets_of, prepare

    export = export_of(recipe)
    check_search(recipe, export, bounds)
    folder = out or RESULTS / recipe.name
    downloads = tuple(describe(asset) for asset in assets_of(recipe).values())
    there = all(plan.cached for plan in downloads)
    space = space_of(prepare(recipe, folder, offline=True)) if there else recipe.fit.space
    return FitPlan(
        folder=folder / FOLDER,
        bounds=bounds,
        target=export.target,
        precisions=export.precisions,
        trials=options.trials or recipe.fit.trials,
        downloads=downloads,
        space=to_json(space),
        derived=there,
    )


def fit_recipe(
    recipe: Recipe, bounds: Bounds, options: Options | None = None, *, out: Path | None = None
) -> Outcome:
    """Searches the recipe's space for students inside the bounds.

    A search that was stopped goes on where it was, and another process that searches for the same joins it.
    Other bounds begin anew, with what was trained before as their first results.

    Args:
        out: results folder of the recipe; `exported/<name>` when None. The search works in its `fit/`.

    Returns:
        The outcome, also written as `fit/fit.md`, `.json`, `.svg` and `.png`; its members in `fit/best`.

    Raises:
        RecipeError: a bound that no student of the space can reach, or nothing to choose or export.
        GateFailed: no student fits; says what came nearest and which bound to relax.
        EdgekitError: see each stage.
    """
    from edgekit.pipeline import RESULTS

    options = options or Options()
    hush()
    share_cores()
    run = out or RESULTS / recipe.name
    search = open_search(recipe, bounds, options, run)
    with helped(options.workers, _join, recipe, bounds, options, run):
        search.go()
    outcome = finish(search)
    if not outcome.frontier:
        raise GateFailed(outcome.nearest, remedy=_remedy(outcome))
    if not outcome.holding:
        raise GateFailed(
            f"{len(outcome.members)} files fit on the validation rows, but none on the test rows: "
            f"{tested(outcome)}. They lie in {outcome.folder / 'best'}.",
            remedy="Relax a bound, search longer with --trials, or see the intervals in "
            f"{outcome.folder / 'fit.md'}: on few test rows they are wide.",
        )
    return outcome


def _join(recipe: Recipe, bounds: Bounds, options: Options, run: Path) -> None:
    """What a further worker process does."""
    open_search(recipe, bounds, options, run).go()


def open_search(recipe: Recipe, bounds: Bounds, options: Options, run: Path) -> Search:
    """Fetches, finishes the teacher, refuses what can't be reached, and opens the study.

    Raises:
        RecipeError: see `fit_recipe`.
    """
    from edgekit.pipeline import prepare

    export = export_of(recipe)
    check_search(recipe, export, bounds)
    folder = run / FOLDER
    context = prepare(recipe, run, offline=options.offline)
    space = space_of(context)
    base = _base_file(context, export, folder / "shapes")
    scale = Scale(context, export, folder / "shapes", yardstick=base)
    check_reachable(scale, _named(recipe, export), space, bounds)
    teacher_score = _teacher(context)
    origin = sha256_json(
        [
            __version__,
            trial_key(recipe, export),
            export.model_dump(mode="json"),
            {name: source.sha256 for name, source in context.sources.items()},
            context.splits.fingerprint,
            to_json(space),
        ]
    )
    name = sha256_json([origin, to_json(bounds), options.seed])[:16]
    ledger = book.open_ledger(folder, name=name, origin=origin, seed=options.seed)
    search = Search(
        run=run,
        folder=folder,
        context=context,
        bounds=bounds,
        space=space,
        export=export,
        scale=scale,
        ledger=ledger,
        teacher_cost=base.cost,
        teacher_score=teacher_score,
        trials=options.trials or recipe.fit.trials,
        deadline=time.monotonic() + 3600 * options.hours if options.hours else None,
        offline=options.offline,
    )
    with ledger.alone():
        if not ledger.study.get_trials(deepcopy=False):
            _begin(search)
    return search


def export_of(recipe: Recipe) -> Export:
    """The export whose files are to fit, with the precisions to try.

    Raises:
        RecipeError: the recipe has no such export, or its target lacks a precision.
    """
    from edgekit.export.targets import get_target

    if not recipe.exports:
        raise RecipeError(
            "The recipe exports nothing, so there is no file to fit.",
            remedy="Add exports, such as [{target: onnx, precisions: [int8]}].",
        )
    by_name: dict[str, Export] = {export.target: export for export in recipe.exports}
    first: str = next((t for t in by_name if runs_here(t)), recipe.exports[0].target)
    wanted: str = recipe.fit.target or first
    if wanted not in by_name:
        raise RecipeError(
            f"fit.target is {wanted}, and the recipe exports {', '.join(by_name)}.",
            remedy="Choose one of those, or add it to exports.",
        )
    export = by_name[wanted]
    # `mixed` is a search of its own in every file, and Core ML's int8-static needs ranges that training
    # learned; one who wants them lists them.
    searched = {"mixed"} | ({"int8-static"} if wanted == "coreml" else set())
    able = [p for p in get_target(wanted).precisions if p not in searched or p in export.precisions]
    chosen = recipe.fit.precisions or [p for p in able if not _foreign(export, p)]
    for precision in chosen:
        if why := _foreign(export, precision):
            raise RecipeError(f"fit.precisions: {why}", remedy=f"Choose among {', '.join(able)}.")
    return export.model_copy(update={"precisions": tuple(chosen)})


def _foreign(export: Export, precision: str) -> str:
    """Why the recipe's export can't have a precision; "" if it can."""
    from pydantic import ValidationError

    try:
        Export.model_validate({**export.model_dump(), "precisions": (precision,)})
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return ""


def _named(recipe: Recipe, export: Export) -> Recipe:
    return as_trial(recipe, "0" * 12, export)


def _base_file(context: Context, export: Export, folder: Path) -> Yardstick:
    """The base model's own plain file, uncut: what the teacher costs."""
    from edgekit.export.targets import get_target
    from edgekit.models.tasks import layer_count

    plain = export.model_copy(update={"precisions": get_target(export.target).precisions[:1]})
    whole = Student(layers=layer_count(context.base.module.config)[1])
    recipe = _named(context.recipe, plain).model_copy(update={"student": whole})
    return Scale(context, plain, folder).base_file(recipe)


def _teacher(context: Context) -> float:
    """Finishes the teachers of the run, in one process at a time; the first one's validation score."""
    from edgekit.stages.steps import TEACHER
    from edgekit.stages.training import train_teachers

    waited = False
    while True:
        try:
            with folder_lock(context.folder):
                return validation_score(context, train_teachers(context)[TEACHER])
        except RunLocked as error:
            if not waited:
                progress.say(f"Waiting: {error.fact}")
            waited = True
            time.sleep(_POLL_S)


def _begin(search: Search) -> None:
    """What was trained under other bounds counts here, and what is near the recipe's own is tried first."""
    import optuna

    study, known = search.ledger.study, set()
    for trial in book.relatives(search.ledger):
        key = trial.user_attrs[book.KEY]
        if key in known:
            continue
        known.add(key)
        files = results_of(trial)
        value, why = judged(files, search.bounds, search.teacher_cost)
        study.add_trial(
            optuna.trial.create_trial(
                params=trial.params,
                distributions=trial.distributions,
                value=value,
                user_attrs={**trial.user_attrs, book.WHY: why},
                constraints=excess_of(files, search.bounds) or None,
            )
        )
    if known:
        progress.say(f"{len(known)} students trained for other bounds count here too.")
    own = own_choice(search.context.recipe, search.space)
    for chosen in proposals(own, search.space, search.inside):
        study.enqueue_trial(params_of(chosen, search.space))


def _remedy(outcome: Outcome) -> str:
    options = "; or ".join(outcome.relax)
    how = f"Relax a bound: {options}." if options else "Search longer with --trials, or widen fit.space."
    return f"{how} What was trained counts for other bounds too; see {outcome.folder / 'fit.md'}."
