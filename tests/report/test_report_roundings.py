"""Core ML with and without rounding, side by side, and what it means."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import report_examples as examples

from edgekit.report.build import build_report
from edgekit.report.render import write_report
from edgekit.report.results import ArtifactResult
from edgekit.types import Unrounded

SENTENCE = "Without rounding the error is 50 times smaller: precision is lost."


def test_both_roundings_stand_beside_each_other(tmp_path: Path) -> None:
    parity = replace(
        examples.run_parity("student-coreml-fp16", "student", 0.05, 0.9991, 0.3),
        runtime="edgekit.mil (reference semantics, not device output)",
        unrounded=Unrounded(200, 0.001, 0.999999, 1.0, 0.86, 0.0),
        meaning=SENTENCE,
    )
    made = examples.artifact(
        "student-coreml-fp16", "coreml", "fp16", 35_000_000, "student/coreml/m.mlpackage"
    )
    report = build_report(
        name="r", folder=examples.FOLDER, artifacts=[ArtifactResult(made, "student", parity)]
    )
    told, page, text = (path.read_text(encoding="utf-8") for path in write_report(report, tmp_path))
    record = json.loads(told)["artifacts"][0]["parity"]
    assert record["unrounded"]["samples"] == 200 and record["unrounded"]["max_abs_error"] == 0.001
    assert record["meaning"] == SENTENCE
    for drawn in (page, text):
        assert "Core ML with and without rounding to half precision" in drawn
        assert SENTENCE in drawn and "a sample of the rows" in drawn and "0.999999" in drawn


def test_without_a_second_pass_there_is_no_such_table(full_report, tmp_path: Path) -> None:
    text = write_report(full_report, tmp_path)[2].read_text(encoding="utf-8")
    assert "without rounding" not in text
