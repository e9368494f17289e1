"""One line for each kind of answer, and the same as JSON."""

from __future__ import annotations

import pytest

from edgekit.cli.predict import _line, _told
from edgekit.types import Prediction


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Prediction("t", label="b", probabilities={"a": 0.25, "b": 0.75}), "b\t0.7500\tt"),
        (
            Prediction("t", labels=("a", "c"), probabilities={"a": 0.9, "b": 0.1, "c": 0.6}),
            "a, c\t0.9000, 0.6000\tt",
        ),
        (Prediction("t", labels=(), probabilities={"a": 0.1}), "–\t\tt"),
        (Prediction("t", value=-1.25), "-1.2500\tt"),
        (Prediction("Ann x", tags=(("Ann", "B-PER"), ("x", None))), "Ann/B-PER x/–"),
        (Prediction("t", fills=({"a": 0.5, "b": 0.25}, {"c": 1.0})), "a 0.5000, b 0.2500 | c 1.0000\tt"),
        (Prediction("t", embedding=(0.5, -0.5, 0.5, 0.5)), "[0.5000, -0.5000, 0.5000, … 4 numbers]\tt"),
    ],
)
def test_an_answer_is_one_line(answer: Prediction, line: str) -> None:
    assert _line(answer, "t") == line


def test_json_has_the_fields_of_the_task_and_no_others() -> None:
    assert _told(Prediction("t", value=0.0)) == {"input": "t", "value": 0.0}
    assert _told(Prediction("t", labels=(), probabilities={})) == {
        "input": "t",
        "labels": (),
        "probabilities": {},
    }
