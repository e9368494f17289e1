"""95 % intervals by resampling rows (Efron, 1979). Paired: both sides always see the same rows.

Percentile intervals, 2.5 % to 97.5 %. Where rows are only right or wrong, resampling N rows with
replacement is exactly a binomial (one model) or a multinomial over the four joint outcomes (two
models), so those are drawn instead: O(resamples) memory however many rows there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgekit.errors import DataError
from edgekit.scores import combined
from edgekit.tasks import get_task
from edgekit.types import Interval

_CELLS = 1 << 20  # resampled row indices held at once: 8 MB, and as much for each column of values
_TAIL = 0.025


def accuracy_interval(correct: np.ndarray, resamples: int, seed: int) -> Interval:
    """Share of rows that are right.

    With all rows right, or all wrong, every resample agrees and the bootstrap would claim certainty;
    the exact binomial interval (Clopper and Pearson, 1934) stands in for it there.

    Args:
        correct: bool `[N]`.
        resamples: number of resamples, at least 1.
        seed: of the resampling.

    Raises:
        DataError: no rows, not `[N]`, or no resamples.
    """
    right = _column(correct, "correct").astype(bool)
    rows, hits = right.size, int(right.sum())
    if hits == rows:
        return Interval(1.0, _TAIL ** (1 / rows), 1.0)
    if hits == 0:
        return Interval(0.0, 0.0, 1 - _TAIL ** (1 / rows))
    draws = _generator(resamples, seed).binomial(rows, hits / rows, size=resamples) / rows
    return _interval(hits / rows, draws)


def paired_retention(
    student_correct: np.ndarray, teacher_correct: np.ndarray, resamples: int, seed: int
) -> Interval:
    """Student's accuracy as a share of the teacher's, both on the same resampled rows.

    A resample in which the teacher has no row right has no ratio and is left out; that only occurs
    when the teacher has a handful of rows right.

    Args:
        student_correct, teacher_correct: bool `[N]`, row by row of the same set.
        resamples: number of resamples, at least 1.
        seed: of the resampling.

    Raises:
        DataError: the teacher has no row right, the lengths differ, or there are no rows.
    """
    student, teacher = _pair(student_correct, teacher_correct, "student_correct", "teacher_correct")
    student, teacher = student.astype(bool), teacher.astype(bool)
    if not teacher.any():
        raise DataError(
            "The teacher has no row right, so the share of its score that is kept has no meaning.",
            remedy="Check that the labels are in the teacher's class order, or train it first.",
        )
    both = int((student & teacher).sum())
    counts = np.array([both, student.sum() - both, teacher.sum() - both, 0])
    counts[3] = student.size - counts.sum()
    draws = _generator(resamples, seed).multinomial(student.size, counts / student.size, size=resamples)
    student_hits, teacher_hits = draws[:, 0] + draws[:, 1], draws[:, 0] + draws[:, 2]
    kept = teacher_hits > 0
    return _interval(student.sum() / teacher.sum(), student_hits[kept] / teacher_hits[kept])


def paired_ratio(times_a: np.ndarray, times_b: np.ndarray, resamples: int, seed: int) -> Interval:
    """Mean of `times_a` over mean of `times_b`: how many times faster B is.

    Args:
        times_a, times_b: `[N]`, above 0, in the same unit; index n is the same input for both.
        resamples: number of resamples, at least 1.
        seed: of the resampling.

    Raises:
        DataError: lengths differ, there are no rows, or a time is not above 0 and finite.
    """
    a, b = _pair(times_a, times_b, "times_a", "times_b")
    for name, times in (("times_a", a), ("times_b", b)):
        if not (np.isfinite(times).all() and (times > 0).all()):
            raise DataError(
                f"{name} holds a time that is not above 0 and finite.", remedy="Measure these rows again."
            )
    means = _resampled_means(np.stack([a, b], axis=1), resamples, seed)
    return _interval(a.mean() / b.mean(), means[:, 0] / means[:, 1])


def paired_difference(values_a: np.ndarray, values_b: np.ndarray, resamples: int, seed: int) -> Interval:
    """Mean of `values_a` minus mean of `values_b`, for example the accuracy that distillation bought.

    An interval that leaves out 0 says that the two differ by more than the draw of rows explains.

    Args:
        values_a, values_b: bool or float `[N]`; index n is the same input for both.
        resamples: number of resamples, at least 1.
        seed: of the resampling.

    Raises:
        DataError: the lengths differ, or there are no rows.
    """
    a, b = _pair(values_a, values_b, "values_a", "values_b")
    difference = a - b
    return _interval(difference.mean(), _resampled_means(difference[:, None], resamples, seed)[:, 0])


def score_interval(task: str, rows: np.ndarray, resamples: int, seed: int) -> Interval:
    """A task's score with its interval.

    Args:
        task: its name.
        rows: `[N, K]`, from `edgekit.scores.statistics`.
        resamples: number of resamples, at least 1.
        seed: of the resampling.

    Raises:
        DataError: there are no rows, or no resamples.
    """
    if _right_or_wrong(task):
        return accuracy_interval(rows[:, 0], resamples, seed)
    value, draws = _resampled_scores(task, (rows,), resamples, seed)
    return _interval(value[0], draws[0])


def score_retention(
    task: str, student: np.ndarray, teacher: np.ndarray, resamples: int, seed: int
) -> Interval | None:
    """The student's score as a share of the teacher's, both on the same resampled rows.

    Resamples in which the teacher scores 0 have no ratio and are left out.

    Args:
        student, teacher: `[N, K]` each, as for `score_interval`, row by row of the same set.

    Returns:
        None when the teacher scores 0.

    Raises:
        DataError: the lengths differ, or there are no rows.
    """
    if _right_or_wrong(task):
        if not teacher[:, 0].any():
            return None
        return paired_retention(student[:, 0], teacher[:, 0], resamples, seed)
    (kept, whole), (parts, wholes) = _resampled_scores(task, (student, teacher), resamples, seed)
    if not whole:
        return None
    usable = wholes > 0
    return _interval(kept / whole, parts[usable] / wholes[usable])


def score_difference(task: str, a: np.ndarray, b: np.ndarray, resamples: int, seed: int) -> Interval:
    """A's score minus B's, paired; see `paired_difference`.

    Args:
        a, b: `[N, K]` each, as for `score_interval`, row by row of the same set.

    Raises:
        DataError: the lengths differ, or there are no rows.
    """
    if _right_or_wrong(task):
        return paired_difference(a[:, 0], b[:, 0], resamples, seed)
    values, draws = _resampled_scores(task, (a, b), resamples, seed)
    return _interval(values[0] - values[1], draws[0] - draws[1])


def _right_or_wrong(task: str) -> bool:
    return get_task(task).metric == "accuracy"


def _resampled_scores(
    task: str, sides: Sequence[np.ndarray], resamples: int, seed: int
) -> tuple[list[float], np.ndarray]:
    """Scores of each side as it is, and `[sides, resamples]` on rows drawn for all sides together."""
    generator = _generator(resamples, seed)
    rows = len(_column(sides[0][:, 0], "statistics"))
    for side in sides[1:]:
        _pair(sides[0][:, 0], side[:, 0], "the first", "the second")
    at_once = max(1, _CELLS // rows)
    scores = np.empty((len(sides), resamples))
    for start in range(0, resamples, at_once):
        stop = min(start + at_once, resamples)
        drawn = generator.integers(0, rows, size=(stop - start, rows))
        for index, side in enumerate(sides):
            scores[index, start:stop] = combined(task, side[drawn])
    return [float(combined(task, side)) for side in sides], scores


def _resampled_means(columns: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Means `[resamples, K]` of `columns [N, K]` over resampled rows, some resamples at a time."""
    generator = _generator(resamples, seed)
    rows = len(columns)
    at_once = max(1, _CELLS // rows)
    means = np.empty((resamples, columns.shape[1]))
    for start in range(0, resamples, at_once):
        stop = min(start + at_once, resamples)
        drawn = generator.integers(0, rows, size=(stop - start, rows))
        means[start:stop] = columns[drawn].mean(axis=1)
    return means


def _interval(value: float, draws: np.ndarray) -> Interval:
    low, high = np.quantile(draws, [_TAIL, 1 - _TAIL])
    return Interval(float(value), float(low), float(high))


def _generator(resamples: int, seed: int) -> np.random.Generator:
    if resamples < 1:
        raise DataError(f"{resamples} resamples give no interval.", remedy="Ask for at least 100.")
    return np.random.default_rng(seed)


def _column(values: np.ndarray, name: str) -> np.ndarray:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1 or not column.size:
        raise DataError(
            f"{name} has shape {column.shape}; an interval needs one value for each of at least one row.",
            remedy="Give a one-dimensional array with a value per row.",
        )
    return column


def _pair(a: np.ndarray, b: np.ndarray, name_a: str, name_b: str) -> tuple[np.ndarray, np.ndarray]:
    left, right = _column(a, name_a), _column(b, name_b)
    if left.size != right.size:
        raise DataError(
            f"{name_a} has {left.size} rows and {name_b} has {right.size}; they can't be paired.",
            remedy="Score both on the same rows, in the same order.",
        )
    return left, right
