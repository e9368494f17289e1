"""Reports and cards of tasks other than one class a text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import report_examples as examples
from ruamel.yaml import YAML

from edgekit.report.build import describe_data
from edgekit.report.card import write_card
from edgekit.report.document import Report
from edgekit.report.render import write_report
from edgekit.report.results import BaselineResult, ModelResult
from edgekit.report.usage import USAGE
from edgekit.tasks import TASKS, get_task
from edgekit.types import Interval, Split, Splits


def report(task: str, **changes: object) -> Report:
    return examples.full(task=task, metric=get_task(task).metric, **changes)


def splits(names: tuple[str, ...], labels: tuple) -> Splits:
    part = Split(tuple(f"text {i}" for i in range(len(labels))), labels)
    return Splits(part, part, part, part, Split(()), names, "0" * 64)


@pytest.mark.parametrize("task", TASKS)
def test_the_page_names_the_tasks_own_metric(task: str, tmp_path: Path) -> None:
    write_report(report(task), tmp_path)
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    words = get_task(task).metric.replace("_", " ")
    shown = {"micro f1": "micro F1", "entity f1": "entity F1", "spearman": "Spearman correlation"}
    shown |= {"cosine": "cosine to the teacher", "masked accuracy": "masked-token accuracy"}
    assert f"of its teacher’s {shown.get(words, words)}" in page
    assert ("accuracy" in page.lower()) == ("accuracy" in words)


@pytest.mark.parametrize("task", TASKS)
def test_the_card_says_how_to_use_each(task: str, tmp_path: Path) -> None:
    text = write_card(report(task), tmp_path / "student", report_folder=tmp_path).read_text(encoding="utf-8")
    front = YAML(typ="safe").load(text.split("---\n")[1])
    assert (front["pipeline_tag"], front["library_name"]) == (USAGE[task].tag, USAGE[task].library)
    assert "{cut}" not in text and f'"{USAGE[task].text}"' in text
    assert ("always answers with one of its 2 labels" in text) == (task == "text-classification")


def test_a_regressions_error_stands_in_its_labels_unit(tmp_path: Path) -> None:
    told = report(
        "text-regression",
        labels=(),
        teacher=ModelResult("teacher", Interval(0.83, 0.8, 0.86), rmse=0.9876),
        tfidf=BaselineResult(Interval(0.71, 0.68, 0.74), rmse=1.3879),
    )
    assert (told.teacher.rmse, told.baselines.tfidf.rmse, told.student.rmse) == (0.9876, 1.3879, None)
    write_report(told, tmp_path)
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "RMSE" in page and "0.988" in page and "1.388" in page


def test_no_rmse_column_without_numbers(full_report: Report, tmp_path: Path) -> None:
    write_report(full_report, tmp_path)
    assert "RMSE" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_baseline_that_makes_no_sense_is_listed_with_its_reason() -> None:
    why = "TF-IDF can't do masked-lm."
    found = report("masked-lm", tfidf=BaselineResult(not_measured=why))
    assert [gap.why for gap in found.not_measured if "TF-IDF" in gap.what] == [why]


def test_an_artifact_without_labels_has_no_agreement_and_is_not_called_overflowing(tmp_path: Path) -> None:
    results = [
        replace(r, parity=replace(r.parity, label_agreement=None, metric_drop=None)) if r.parity else r
        for r in examples.artifacts()
    ]
    write_report(report("sentence-embedding", artifacts=results), tmp_path)
    assert "not finite" not in (tmp_path / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "labels", "expected"),
    [
        (("a", "b"), (0, 1, 1), {"a": 1, "b": 2}),
        (("a", "b"), ((0, 1), (), (1,)), {"a": 1, "b": 2}),
        (("O", "B-X"), ((0, 0, 1), (0,)), {"O": 3, "B-X": 1}),
        ((), (0.5, 2.0), {}),
    ],
)
def test_labels_are_counted_by_name(names: tuple, labels: tuple, expected: dict) -> None:
    assert describe_data(splits(names, labels)).splits[0].classes == expected
