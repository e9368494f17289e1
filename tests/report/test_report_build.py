import dataclasses
import math
from pathlib import Path

import pytest
import report_examples as examples
from pydantic import ValidationError

from edgekit.report.build import build_report
from edgekit.report.document import Report
from edgekit.report.results import ArtifactResult
from edgekit.types import Interval, Parity


def test_the_fields_that_programs_rely_on(full_report: Report) -> None:
    found = full_report.model_dump(mode="json")
    assert found["schema_version"] == "1.3"
    assert (found["teacher"]["score"], found["student"]["score"]) == (0.871, 0.861)
    assert found["retained"] == {"value": 0.9886, "low": 0.9722, "high": 1.0041}
    assert found["baselines"]["label_only"]["score"] == 0.842
    assert found["baselines"]["tfidf"]["score"] == 0.798
    int8 = next(a for a in found["artifacts"] if a["name"] == "student-onnx-int8")
    assert int8["path"] == "student/onnx/model_int8.onnx"
    assert (int8["target"], int8["precision"], int8["size_bytes"]) == ("onnx", "int8", 17_602_816)
    assert int8["parity"]["executed"] and int8["parity"]["passed"]
    assert int8["timing"]["p50_ms"] == 2.63
    assert int8["score"] == 0.859


def test_training_is_recorded_from_what_the_stage_left(full_report: Report) -> None:
    assert full_report.student is not None
    assert full_report.student.seconds == 171.0
    assert full_report.student.parameters == 17_389_826
    assert [len(full_report.curves[k]) for k in ("teacher", "student", "label_only")] == [6, 8, 8]


def test_rows_are_counted_by_split_and_class(full_report: Report) -> None:
    assert full_report.data is not None
    train = full_report.data.splits[0]
    assert (train.name, train.rows, train.classes) == ("train", 8047, {"negative": 4024, "positive": 4023})
    assert "unlabelled" not in [s.name for s in full_report.data.splits]


def test_everything_missing_is_listed_with_its_reason(full_report: Report) -> None:
    gaps = {gap.what: gap.why for gap in full_report.not_measured}
    assert gaps["Energy"] == "No meter that a process may read."
    assert "macOS" in gaps["Numbers, labels and score of student-coreml-int8"]
    assert gaps["Timing of student-coreml-fp16"] == "Core ML runs on macOS only."
    assert not any("onnx" in what for what in gaps)


def test_a_baseline_that_was_switched_off_says_so() -> None:
    off = examples.BaselineResult(not_measured="baselines.tfidf is false in the recipe.")
    report = examples.full(tfidf=off)
    assert report.baselines.tfidf.score is None
    assert report.baselines.tfidf.not_measured == "baselines.tfidf is false in the recipe."
    assert "The TF-IDF baseline" in [gap.what for gap in report.not_measured]


def test_a_partial_run_lacks_everything_but_its_name(bare_report: Report) -> None:
    assert bare_report.teacher is None and bare_report.retained is None and bare_report.artifacts == ()
    assert bare_report.baselines.label_only.not_measured
    assert bare_report.not_measured == ()


def parity_of(**changes: object) -> Parity:
    whole = examples.run_parity("student-onnx-int8", "student", 0.2, 0.99, 0.2)
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


def test_an_artifact_that_overflows_is_still_reported() -> None:
    broken = parity_of(max_abs_error=math.nan, cosine=math.inf)
    result = dataclasses.replace(examples.artifacts()[2], parity=broken)
    report = examples.full(artifacts=[result])
    assert report.artifacts[0].parity is not None
    assert report.artifacts[0].parity.max_abs_error is None
    assert "NaN" not in report.model_dump_json()


def test_without_a_benchmark_the_score_is_the_one_parity_measured() -> None:
    artifact = examples.artifacts()[2].artifact
    report = examples.full(artifacts=[ArtifactResult(artifact, "student", parity_of(metric=0.855))])
    assert (report.artifacts[0].score, report.artifacts[0].score_low) == (0.855, None)


def test_paths_may_lie_beside_the_report() -> None:
    artifact = dataclasses.replace(examples.artifacts()[2].artifact, path=Path("elsewhere/model.onnx"))
    report = build_report(name="x", folder=Path("out"), artifacts=[ArtifactResult(artifact, "student")])
    assert report.artifacts[0].path == "../elsewhere/model.onnx"


def test_a_score_outside_its_range_is_refused() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        examples.full(student=examples.ModelResult("s", Interval(86.1, 84.0, 88.1)))
