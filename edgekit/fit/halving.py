"""Successive halving among equals (Jamieson & Talwalkar, 2016; asynchronously: Li et al., 2020).

At each rung a student goes on if it is among the best 1/η of those that cost no more than it does. Compared
with all, small students would lose against large ones early, and they are what such a search is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

REDUCTION = 3  # η
RUNGS = (11, 33)  # percent of a student's own schedule: 1/η², 1/η
NEAR = 1.02  # sizes and times up to this ratio count as no more
NOISE = 0.005  # of retention: a lead below this is luck
BYTES, MS = "bytes", "ms"  # attributes of a trial: the least that its files take


class FrontierHalving:
    """An Optuna pruner (`optuna.pruners.BasePruner` by its one method)."""

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether a trial stops here. Its steps are percent of its training, its values retention so far."""
        step = trial.last_step
        if step is None:
            return False
        rung = max((r for r in RUNGS if r <= step), default=None)
        if rung is None or _first_at(trial, rung) != step:
            return False
        mine = trial.intermediate_values[step]
        others = [
            value
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number
            and _costs_no_more(other, trial)
            and (value := at_rung(other, rung)) is not None
        ]
        return not goes_on(mine, others)


def goes_on(mine: float, others: Sequence[float]) -> bool:
    """Whether fewer than 1/η of the field are better by more than noise; the best always goes on."""
    better = sum(value > mine + NOISE for value in others)
    return better < max(1, (len(others) + 1) // REDUCTION)


def at_rung(trial: FrozenTrial, rung: int) -> float | None:
    """Retention at the first evaluation at or past a rung; None if it didn't get there."""
    step = _first_at(trial, rung)
    return None if step is None else trial.intermediate_values[step]


def _first_at(trial: FrozenTrial, rung: int) -> int | None:
    return min((s for s in trial.intermediate_values if s >= rung), default=None)


def _costs_no_more(other: FrozenTrial, trial: FrozenTrial) -> bool:
    for name in (BYTES, MS):
        theirs, own = other.user_attrs.get(name), trial.user_attrs.get(name)
        if theirs is None or (own is not None and theirs > own * NEAR):
            return False
    return True
