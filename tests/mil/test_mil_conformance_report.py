"""What `make conformance` makes of finished cases: explained failures, and how close the others came."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "coreml_conformance.py"


@pytest.fixture(scope="module")
def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coreml_conformance", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def entry(name: str, outcome: str = "passed", **values: Any) -> dict[str, Any]:
    defaults = {"predicted": True, "half": True, "error": 0.0, "message": ""}
    return {"case": f"iOS14/test_pool.py::{name}", "outcome": outcome, **defaults, **values}


def test_counts_are_of_predicting_cases_only(report: ModuleType) -> None:
    entries = [
        entry("a", error=5e-3),
        entry("b", error=5e-5),
        entry("c", error=None),
        entry("d", "failed", error=None),
        entry("e", predicted=False),
        entry("f", "skipped", predicted=False),
    ]
    counts = report.figures(entries)
    assert (counts["predicted"], counts["passed"], counts["compared"]) == (4, 3, 2)
    assert (counts["within_1e_2"], counts["within_1e_3"], counts["within_1e_4"]) == (2, 1, 1)


def test_a_failure_is_explained_only_when_case_message_and_size_all_fit(
    report: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = report.Explanation("cause", r"TestA::", r"^Not equal", 1e-2, True, "reason")
    monkeypatch.setattr(report, "EXPLAINED", (known,))
    fits = entry("TestA::x", "failed", message="Not equal: 3")
    other_message = entry("TestA::y", "failed", message="ModelError")
    other_case = entry("TestB::x", "failed", message="Not equal: 3")
    too_large = entry("TestA::w", "failed", message="Not equal: 4", error=0.1)
    no_half = entry("TestA::v", "failed", message="Not equal: 5", half=False)
    entries = [fits, other_message, other_case, too_large, no_half, entry("TestA::z")]
    unexplained, explained = report.failures(entries)
    assert explained == {known: [fits]}
    assert unexplained == [other_message, other_case, too_large, no_half]


def test_expected_failures_that_predicted_and_crashes_that_did_not_need_an_explanation_too(
    report: ModuleType,
) -> None:
    entries = [
        entry("a", "skipped"),
        entry("b", "failed", predicted=False),
        entry("c", "skipped", predicted=False),
    ]
    unexplained, _ = report.failures(entries)
    assert [case["case"].rsplit("::")[-1] for case in unexplained] == ["a", "b"]


def test_the_page_has_one_row_per_test_file_and_both_precisions(report: ModuleType) -> None:
    halves = [entry("a"), entry("b", "failed"), entry("c", predicted=False)]
    text = report.page(halves, [entry("a")])
    assert "| iOS14/test_pool.py | 2 | 1 | 1 | 1 |" in text
    assert "half precision: 1 of 2**" in text
    assert "single precision: not run" in report.page(halves, [])


def test_scaled_error_is_relative_to_the_largest_expected_magnitude() -> None:
    from tests.mil.conformance_plugin import scaled_error

    assert scaled_error(np.array([99.0, 1.0]), np.array([100.0, 0.0])) == pytest.approx(0.01)
    assert scaled_error(np.array([np.inf, 2.0]), np.array([np.inf, 2.0])) == 0.0
    assert scaled_error(np.array([np.nan, 2.0]), np.array([1.0, 2.0])) == np.inf
    assert scaled_error(np.array([1e-5]), np.array([0.0])) == pytest.approx(1e-2)


def test_a_stopped_run_goes_on_after_its_last_whole_line(tmp_path: Path) -> None:
    from tests.mil.conformance_plugin import _drop_half_line, read_results

    results = tmp_path / "results.jsonl"
    results.write_text('{"case": "a"}\n{"case": "b"}\n{"ca', encoding="utf-8")
    _drop_half_line(results)
    assert [held["case"] for held in read_results(results)] == ["a", "b"]
    assert read_results(tmp_path / "none.jsonl") == []
