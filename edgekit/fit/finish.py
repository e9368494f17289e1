"""The end of a search: its best students tested, and everything written."""

from __future__ import annotations

import time
from collections.abc import Sequence

from edgekit import progress
from edgekit.codec import to_json
from edgekit.fit import ledger as book
from edgekit.fit import picture, results
from edgekit.fit.best import Member, ship
from edgekit.fit.outcome import Candidate, advice, frontier, members
from edgekit.fit.results import Outcome
from edgekit.fit.search import Search, usable
from edgekit.fit.space import draw
from edgekit.fit.trial import as_trial

_POLL_S = 2.0


def finish(search: Search) -> Outcome:
    """Tests the members once no other process is at work, and writes everything."""
    from filelock import FileLock

    if search.ledger.busy():
        progress.say("Waiting for other workers of this search to finish their students.")
        while search.ledger.busy():
            time.sleep(_POLL_S)
    with FileLock(search.folder / ".locks" / "finish"):  # one after the other: the second finds all done
        found = _candidates(search)
        best = frontier([c for c in found if search.bounds.keeps(c.file.retention or 0.0)])
        shipped = _ship(search, members(best, search.context.recipe.fit.members))
        outcome = _outcome(search, found, best, shipped)
        results.write(outcome)
        picture.draw(outcome)
    return outcome


def _candidates(search: Search) -> list[Candidate]:
    """Files of trained students that passed their gates and keep to bytes and time."""
    return [c for c in usable(search.ledger.trials()) if not search.bounds.broken_by(c.file.cost)]


def _ship(search: Search, chosen: Sequence[Candidate]) -> list[Member]:
    from optuna.trial import FixedTrial

    made = []
    trials = {t.number: t for t in search.ledger.trials()}
    for number in dict.fromkeys(c.trial for c in chosen):
        files = [c for c in chosen if c.trial == number]
        trial = trials[number]
        recipe = as_trial(
            search.made(draw(FixedTrial(trial.params), search.space)),
            trial.user_attrs[book.KEY],
            search.export,
            [c.file.precision for c in files],
        )
        progress.say(f"Student {number}: export, verify and test as an ordinary run.")
        made += ship(
            search.run,
            search.folder / "best" / f"student-{number}-{trial.user_attrs[book.KEY]}",
            search.folder_of(trial.user_attrs[book.KEY]),
            recipe,
            files,
            offline=search.offline,
        )
    return made


def _outcome(
    search: Search, found: Sequence[Candidate], best: Sequence[Candidate], shipped: Sequence[Member]
) -> Outcome:
    from edgekit.benchmark.environment import record_environment
    from edgekit.tasks import get_task

    trials = search.ledger.trials()
    drawn = {t.number: t.constraints for t in trials}
    nearest, relax = ("", ()) if best else advice(search.bounds, found, drawn)
    return Outcome(
        recipe=search.context.recipe.name,
        folder=search.folder,
        bounds=search.bounds,
        target=search.export.target,
        metric=get_task(search.context.recipe.task).metric.replace("_", " "),
        teacher_score=search.teacher_score,
        teacher_cost=search.teacher_cost,
        space=to_json(search.space),
        rows=tuple(results.row_of(t) for t in trials),
        frontier=tuple((c.trial, c.file.precision) for c in best),
        members=tuple(shipped),
        nearest=nearest,
        relax=relax,
        environment=record_environment(search.context.recipe.benchmark.threads),
    )
