"""The baseline of words alone, for the tasks that it can do."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.distill.tfidf import tfidf_predictions, why_not
from edgekit.scores import combined, statistics
from edgekit.tasks import TASKS
from edgekit.types import Split

GOOD, BAD, THINGS = ("warm", "superb", "clever"), ("dull", "lazy", "bland"), ("film", "cast", "score", "plot")
TEXTS = tuple(f"a {w} {t}" for w in GOOD + BAD for t in THINGS)


@pytest.mark.parametrize(
    ("task", "labels", "classes"),
    [
        ("text-classification", tuple(int(t.split()[1] in GOOD) for t in TEXTS), 2),
        (
            "multi-label-classification",
            tuple(tuple(i for i, w in enumerate(("warm", "film", "never")) if w in t) for t in TEXTS),
            3,
        ),
        ("text-regression", tuple(float(t.split()[1] in GOOD) * 4 - 2 for t in TEXTS), 0),
    ],
)
def test_words_are_enough_where_words_decide(task: str, labels: tuple, classes: int) -> None:
    found = tfidf_predictions(Split(TEXTS, labels), TEXTS, task=task, classes=classes, seed=0)
    assert combined(task, statistics(task, found, labels)) > 0.85
    if task == "multi-label-classification":
        assert found.dtype == bool and found.shape == (24, 3) and not found[:, 2].any()
    if task == "text-regression":
        assert found.dtype == np.float64 and -2 < found.mean() < 2


def test_the_other_tasks_are_left_out_with_a_reason() -> None:
    skipped = {task for task in TASKS if why_not(task)}
    assert skipped == {"token-classification", "sentence-embedding", "masked-lm"}
    assert all(task in why_not(task) for task in skipped)
