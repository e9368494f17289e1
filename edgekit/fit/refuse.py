"""Refuses bounds that no student of the space can reach, before anything is trained, and says what can."""

from __future__ import annotations

from edgekit.errors import EdgekitError, RecipeError
from edgekit.files import human
from edgekit.fit.bounds import Bounds
from edgekit.fit.exact import Scale, Shape, frontier_of, runs_here
from edgekit.fit.outcome import relaxed
from edgekit.fit.space import Space, recipe_with, smallest_choices, words
from edgekit.recipe.schema import Export, Recipe
from edgekit.tasks import TASKS


def check_search(recipe: Recipe, export: Export, bounds: Bounds) -> None:
    """Refuses tasks that have no search, and a latency bound for files that can't be timed here.

    Raises:
        RecipeError: names the task or the target.
    """
    if recipe.task not in TASKS:
        raise RecipeError(
            f"`edgekit fit` has no search for {recipe.task}.",
            remedy="Choose student.layers by hand and compare the runs: edgekit run.",
        )
    if bounds.max_latency_ms is not None and not runs_here(export.target):
        raise RecipeError(
            f"--max-latency-ms can't be judged: {export.target} files don't run on this machine.",
            remedy="Run the search on a Mac, bound the bytes alone, or set fit.target=onnx.",
        )


def check_reachable(scale: Scale, recipe: Recipe, space: Space, bounds: Bounds) -> None:
    """Weighs the smallest students of the space against the bounds, and tells the scale its scouts.

    Raises:
        RecipeError: a bound is below what the smallest has; names that.
    """
    shapes: list[tuple[str, Shape]] = []
    problem: EdgekitError | None = None
    config = scale.context.base.module.config
    for chosen in smallest_choices(space):
        try:
            made = recipe_with(recipe, chosen, config)
            shapes.append((words(made, config), scale.weigh(made)))
        except EdgekitError as error:
            problem = error
    files = [(said, f) for said, shape in shapes for f in shape.files if not f.error]
    if not files:
        why = problem.fact if problem else shapes[0][1].files[0].error
        raise RecipeError(
            f"The smallest student of the space can't be made: {why}",
            remedy=problem.remedy if problem else "Choose other precisions in fit.precisions.",
        )
    said, least = min(files, key=lambda one: one[1].size_bytes)
    problems, remedies = [], []
    if bounds.max_bytes is not None and least.size_bytes > bounds.max_bytes:
        problems.append(
            f"--max-bytes is {human(bounds.max_bytes)}, and the smallest student of the space ({said}; "
            f"{least.precision}) takes {human(least.size_bytes)} before any training"
        )
        remedies.append(f"--max-bytes {relaxed(least.size_bytes / 1e6):g}MB")
    timed = [(said, f, f.ms) for said, f in files if f.ms is not None]
    if bounds.max_latency_ms is not None and timed:
        said, fastest, ms = min(timed, key=lambda one: one[2])
        if ms > bounds.max_latency_ms:
            problems.append(
                f"--max-latency-ms is {bounds.max_latency_ms:g}, and the fastest of the smallest students "
                f"({said}; {fastest.precision}) takes {ms:.3g} ms on this machine"
            )
            remedies.append(f"--max-latency-ms {relaxed(ms):g}")
    scale.scouts = frontier_of(shapes[0][1].files)
    if problems:
        raise RecipeError(
            "; ".join(problems) + ".",
            remedy=f"Use {' and '.join(remedies)} or more, or widen fit.space.",
            problems=tuple(problems),
        )
