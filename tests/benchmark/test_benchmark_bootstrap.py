from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.benchmark.bootstrap import (
    accuracy_interval,
    paired_difference,
    paired_ratio,
    paired_retention,
    score_difference,
    score_interval,
    score_retention,
)
from edgekit.errors import DataError
from edgekit.types import Interval

RESAMPLES = 4000
Z = 1.959964


def right(count: int, rows: int) -> np.ndarray:
    return np.arange(rows) < count


def half_width(interval: Interval) -> float:
    return (interval.high - interval.low) / 2


def test_accuracy_has_the_binomial_standard_error() -> None:
    interval = accuracy_interval(right(857, 1000), RESAMPLES, seed=0)
    assert interval.value == 0.857
    assert half_width(interval) == pytest.approx(Z * math.sqrt(0.857 * 0.143 / 1000), rel=0.06)
    assert interval.low < 0.857 < interval.high


def test_accuracy_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for trial in range(400):
        interval = accuracy_interval(rng.random(300) < 0.8, 400, seed=trial)
        held += interval.low <= 0.8 <= interval.high
    assert 0.91 <= held / 400 <= 0.98


@pytest.mark.parametrize("rows", [1, 5, 1000])
def test_all_right_or_all_wrong_is_not_certainty(rows: int) -> None:
    low = 0.025 ** (1 / rows)  # the accuracy at which N right in a row happens 2.5 % of the time
    assert accuracy_interval(np.ones(rows, bool), RESAMPLES, seed=0) == Interval(1.0, low, 1.0)
    assert accuracy_interval(np.zeros(rows, bool), RESAMPLES, seed=0) == Interval(0.0, 0.0, 1 - low)


def test_retention_matches_the_delta_method() -> None:
    rng = np.random.default_rng(2)
    teacher = rng.random(1000) < 0.87
    student = np.where(rng.random(1000) < 0.9, teacher, rng.random(1000) < 0.5)
    interval = paired_retention(student, teacher, RESAMPLES, seed=0)
    ratio = student.mean() / teacher.mean()
    assert interval.value == pytest.approx(ratio, abs=1e-12)
    residual = (student - ratio * teacher) / teacher.mean()
    assert half_width(interval) == pytest.approx(Z * residual.std() / math.sqrt(1000), rel=0.06)


def test_pairing_is_what_makes_retention_narrow() -> None:
    teacher = right(850, 1000)
    alike = teacher.copy()
    alike[:20] = False  # wrong on 20 rows that the teacher has right
    unlike = np.roll(teacher, 130)
    unlike[150:170] = False
    assert alike.sum() == unlike.sum() == 830
    paired = paired_retention(alike, teacher, RESAMPLES, seed=0)
    loose = paired_retention(unlike, teacher, RESAMPLES, seed=0)
    assert paired.value == loose.value
    assert half_width(paired) < half_width(loose) / 2


def test_a_student_equal_to_its_teacher_retains_exactly_all() -> None:
    answers = right(7, 10)
    assert paired_retention(answers, answers, RESAMPLES, seed=0) == Interval(1.0, 1.0, 1.0)


def test_a_student_with_nothing_right_retains_nothing() -> None:
    assert paired_retention(np.zeros(10, bool), right(7, 10), RESAMPLES, seed=0) == Interval(0.0, 0.0, 0.0)


def test_a_teacher_with_nothing_right_has_no_retention() -> None:
    with pytest.raises(DataError, match="no row right") as caught:
        paired_retention(right(5, 10), np.zeros(10, bool), RESAMPLES, seed=0)
    assert "class order" in caught.value.remedy


def test_resamples_without_a_right_teacher_row_are_left_out() -> None:
    # With 1 of 3 rows right, 30 % of resamples have a teacher score of 0.
    interval = paired_retention(right(1, 3), right(1, 3), RESAMPLES, seed=0)
    assert interval == Interval(1.0, 1.0, 1.0)


def test_ratio_of_times_matches_the_delta_method() -> None:
    rng = np.random.default_rng(3)
    length = rng.integers(5, 60, 800)  # both slow down with a row's length: that is what pairing removes
    a = 3.0 * length + rng.normal(0, 4, 800) + 20
    b = 1.0 * length + rng.normal(0, 2, 800) + 10
    interval = paired_ratio(a, b, RESAMPLES, seed=0)
    ratio = a.mean() / b.mean()
    assert interval.value == pytest.approx(ratio)
    residual = (a - ratio * b) / b.mean()
    assert half_width(interval) == pytest.approx(Z * residual.std() / math.sqrt(800), rel=0.06)


def test_a_constant_ratio_has_no_spread() -> None:
    times = np.random.default_rng(4).uniform(1, 9, 50)
    interval = paired_ratio(4 * times, times, RESAMPLES, seed=0)
    assert (interval.value, interval.low, interval.high) == pytest.approx((4, 4, 4))


def test_difference_of_scores_matches_its_standard_error() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.random(1000) < 0.86, rng.random(1000) < 0.80
    interval = paired_difference(a, b, RESAMPLES, seed=0)
    difference = a.astype(float) - b
    assert interval.value == pytest.approx(difference.mean())
    assert half_width(interval) == pytest.approx(Z * difference.std() / math.sqrt(1000), rel=0.06)


def test_memory_stays_bounded() -> None:
    times = np.random.default_rng(6).uniform(1, 2, 100_000)
    tracemalloc.start()
    paired_ratio(times, times[::-1], 200, seed=0)  # at once: 160 MB of indices, 320 MB of values
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40), st.integers(0, 2**31 - 1))
def test_intervals_are_ordered_and_repeatable(rows: list[tuple[bool, bool]], seed: int) -> None:
    student, teacher = np.array(rows).T
    intervals = [accuracy_interval(student, 200, seed), paired_difference(student, teacher, 200, seed)]
    if teacher.any():
        intervals.append(paired_retention(student, teacher, 200, seed))
        assert intervals[-1] == paired_retention(student, teacher, 200, seed)
    for interval in intervals:
        assert interval.low <= interval.high
        assert all(math.isfinite(bound) for bound in (interval.value, interval.low, interval.high))


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (np.ones(3), np.ones(4), "3 rows and times_b has 4"),
        (np.ones(0), np.ones(0), "shape (0,)"),
        (np.ones((2, 2)), np.ones((2, 2)), "shape (2, 2)"),
        (np.ones(2), np.array([1.0, 0.0]), "not above 0"),
        (np.array([1.0, np.nan]), np.ones(2), "not above 0"),
    ],
)
def test_times_that_cannot_be_compared_are_refused(a: np.ndarray, b: np.ndarray, said: str) -> None:
    with pytest.raises(DataError) as caught:
        paired_ratio(a, b, RESAMPLES, seed=0)
    assert said in caught.value.fact


def test_no_resamples_are_refused() -> None:
    with pytest.raises(DataError, match="0 resamples"):
        accuracy_interval(right(1, 2), 0, seed=0)


def regression_rows(noise: float, seed: int = 0, rows: int = 120) -> np.ndarray:
    random = np.random.default_rng(seed)
    truth = random.normal(size=rows)
    return np.stack([truth + noise * np.random.default_rng(seed + 7).normal(size=rows), truth], axis=1)


def test_scores_of_right_and_wrong_rows_keep_their_exact_intervals():
    right = np.random.default_rng(0).random(200) < 0.8
    other = right & (np.random.default_rng(1).random(200) < 0.9)
    a, b = right.astype(float)[:, None], other.astype(float)[:, None]
    task = "text-classification"
    assert score_interval(task, a, 500, 3) == accuracy_interval(right, 500, 3)
    assert score_retention(task, b, a, 500, 3) == paired_retention(other, right, 500, 3)
    assert score_difference(task, a, b, 500, 3) == paired_difference(right, other, 500, 3)
    assert score_retention(task, a, np.zeros_like(a), 500, 3) is None


def test_an_interval_of_rank_correlation_holds_the_truth_and_narrows():
    """Fisher's z gives the width that a bootstrap should come near."""
    rows = regression_rows(1.0, rows=400)
    found = score_interval("text-regression", rows, 2000, 0)
    assert found.low < found.value < found.high
    z, half = np.arctanh(found.value), 1.96 / np.sqrt(397)
    assert found.high - found.low == pytest.approx(np.tanh(z + half) - np.tanh(z - half), rel=0.25)
    wider = score_interval("text-regression", rows[:100], 2000, 0)
    assert wider.high - wider.low > 1.5 * (found.high - found.low)


def test_paired_scores_resample_both_sides_alike():
    """Two models that differ by nothing but a monotone map: every resample scores them the same."""
    rows = regression_rows(0.8)
    stretched = np.stack([np.exp(rows[:, 0]), rows[:, 1]], axis=1)
    kept = score_retention("text-regression", stretched, rows, 300, 0)
    assert (kept.value, kept.low, kept.high) == (1.0, 1.0, 1.0)
    gap = score_difference("text-regression", rows, regression_rows(3.0), 300, 0)
    assert gap.value > 0 and gap.low > 0


def test_f1_is_recomputed_over_rows_not_averaged():
    rows = np.array([[1.0, 1.0, 1.0], [0.0, 4.0, 1.0], [2.0, 2.0, 2.0]])
    found = score_interval("token-classification", rows, 400, 0)
    assert found.value == pytest.approx(2 * 3 / (7 + 4))
    assert score_retention("token-classification", rows, rows * 0, 400, 0) is None


def test_scores_of_different_sets_are_not_paired():
    with pytest.raises(DataError, match="can't be paired"):
        score_difference("text-regression", regression_rows(1.0), regression_rows(1.0, rows=50), 100, 0)
