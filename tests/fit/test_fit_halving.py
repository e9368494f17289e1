"""Who goes on at a rung."""

from __future__ import annotations

import optuna
import pytest

from edgekit.fit.halving import BYTES, MS, FrontierHalving, goes_on

KNOWN = optuna.trial.TrialState.COMPLETE


@pytest.mark.parametrize(
    ("mine", "others", "expected"),
    [
        (0.5, [], True),  # nobody to compare with
        (0.90, [0.95], False),
        (0.90, [0.903], True),  # within noise
        (0.90, [0.99, 0.80, 0.80, 0.80, 0.80], True),  # second of six: among the best third
        (0.90, [0.99, 0.98, 0.80, 0.80, 0.80], False),  # third of six
    ],
)
def test_the_best_third_goes_on(mine: float, others: list[float], expected: bool) -> None:
    assert goes_on(mine, others) is expected


def _study(*others: tuple[int, float, dict[int, float]]) -> optuna.Study:
    study = optuna.create_study(direction="maximize", pruner=FrontierHalving())  # type: ignore[arg-type]
    for size, ms, values in others:
        study.add_trial(
            optuna.trial.create_trial(
                state=KNOWN, value=1.0, intermediate_values=values, user_attrs={BYTES: size, MS: ms}
            )
        )
    return study


def _stops(study: optuna.Study, size: int, ms: float, reports: dict[int, float]) -> list[int]:
    trial = study.ask()
    trial.set_user_attr(BYTES, size)
    trial.set_user_attr(MS, ms)
    stopped = []
    for step, value in reports.items():
        trial.report(value, step)
        if trial.should_prune():
            stopped.append(step)
    return stopped


def test_it_is_judged_at_its_first_evaluation_past_each_rung_only() -> None:
    study = _study((100, 1.0, {17: 0.9, 33: 0.95}))
    assert _stops(study, 100, 1.0, {8: 0.1, 17: 0.5, 25: 0.1, 33: 0.6, 50: 0.1}) == [17, 33]


def test_a_small_student_does_not_compete_with_a_large_one() -> None:
    study = _study((1000, 5.0, {17: 0.99}))
    assert _stops(study, 100, 1.0, {17: 0.5}) == []
    assert _stops(study, 2000, 6.0, {17: 0.5}) == [17]
    assert _stops(study, 2000, 4.0, {17: 0.5}) == [], "faster than the other, whatever its size"


def test_one_that_continues_is_judged_where_it_reports_again() -> None:
    study = _study((100, 1.0, {17: 0.9, 33: 0.95}))
    assert _stops(study, 100, 1.0, {58: 0.6}) == [58]
