"""The members of the result: each trained student's ordinary run, to its test scores and its report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit import progress
from edgekit.errors import GateFailed
from edgekit.files import atomic
from edgekit.fit.outcome import Candidate
from edgekit.fit.trial import PRIVATE, answers_key, give_back, link_tree, share_teacher
from edgekit.recipe.schema import Recipe
from edgekit.types import Interval


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the result, on the test split."""

    trial: int
    precision: str
    folder: Path  # of its run
    path: Path  # the file
    size_bytes: int
    sha256: str
    p50_ms: float | None  # in one process with the teacher, interleaved; None: not timed here
    speedup: Interval | None  # times as fast as the teacher's fp32 file
    score: Interval | None
    retained: Interval | None  # share of the teacher's test score
    rejected_because: str = ""


def ship(
    run: Path, folder: Path, trial_folder: Path, recipe: Recipe, found: Sequence[Candidate], *, offline: bool
) -> list[Member]:
    """Runs a trial's recipe to its end in `folder`; what the trial made is found finished.

    Args:
        run: the recipe's own results folder, with the teacher.
        recipe: the trial's, with the precisions to ship.
        found: the trial's files in the result.
    """
    from edgekit.pipeline import run_recipe
    from edgekit.recipe.dump import to_yaml

    folder.mkdir(parents=True, exist_ok=True)
    _take_over(trial_folder, folder)
    share_teacher(run, folder, recipe, folder.parent.parent / "answers" / answers_key(recipe))
    with atomic(folder / "recipe.yaml") as temporary:
        temporary.write_text(to_yaml(recipe), encoding="utf-8")
    command = f"edgekit run {folder / 'recipe.yaml'}"
    try:
        run_recipe(recipe, out=folder, offline=offline, command=command)
    except GateFailed as error:
        progress.say(f"Student {found[0].trial}: {error.fact}")
    give_back(folder, run, recipe)
    (folder / PRIVATE / "answers").unlink(missing_ok=True)  # a link: the folder stands by itself from now on
    return _members(folder, found)


def _take_over(source: Path, folder: Path) -> None:
    """Names a trial's results in the member's folder too, with their records."""
    if not source.is_dir():
        return  # deleted: it is trained again
    for entry in source.iterdir():
        target = folder / entry.name
        if entry.name.startswith(("teacher", ".")) or target.exists():
            continue
        if entry.is_dir():
            link_tree(entry, target)
    records = folder / PRIVATE / "stages"
    records.mkdir(parents=True, exist_ok=True)
    for record in (source / PRIVATE / "stages").glob("*.json"):
        if not (records / record.name).exists():
            shutil.copy2(record, records / record.name)


def _members(folder: Path, found: Sequence[Candidate]) -> list[Member]:
    from edgekit.files import read_json
    from edgekit.report.document import Report

    report = Report.model_validate(read_json(folder / "report.json"))
    artifacts = {a.precision: a for a in report.artifacts if a.model == "student"}
    made = []
    for one in found:
        artifact = artifacts.get(one.file.precision)
        if artifact is None:
            continue
        timing = artifact.timing
        score = None
        if artifact.score is not None and artifact.score_low is not None and artifact.score_high is not None:
            score = Interval(artifact.score, artifact.score_low, artifact.score_high)
        made.append(
            Member(
                trial=one.trial,
                precision=one.file.precision,
                folder=folder,
                path=folder / artifact.path,
                size_bytes=artifact.size_bytes,
                sha256=artifact.sha256,
                p50_ms=timing.p50_ms if timing else None,
                speedup=_interval(timing.speedup) if timing else None,
                score=score,
                retained=_interval((timing and timing.retained) or report.retained),
                rejected_because=artifact.rejected_because,
            )
        )
    return made


def _interval(record: object) -> Interval | None:
    if record is None:
        return None
    return Interval(record.value, record.low, record.high)  # type: ignore[attr-defined]
