"""What devices measured, from a result file into the report."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edgekit.app import import_result, read_report
from edgekit.device_result import device_schema
from edgekit.errors import DataError, ModelError
from edgekit.report.document import Report
from edgekit.report.render import write_report
from tests.decoder_report import decoder_report

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def run(full_report: Report, tmp_path: Path) -> Path:
    write_report(full_report, tmp_path / "exported" / "films")
    return tmp_path / "exported" / "films"


@pytest.fixture
def result(full_report: Report) -> dict[str, Any]:
    """What an iPhone might write of the report's first artifact."""
    ran = full_report.artifacts[0]
    row = {
        "protocol": "batch 1",
        "runtime": "Core ML",
        "compute_units": "all",
        "texts": 64,
        "warmup": 20,
        "runs": 640,
        "minimum_seconds": 10.0,
        "load_ms": 41.5,
        "p50_ms": 1.234,
        "p90_ms": 2,
        "p99_ms": 3.5,
        "peak_bytes": 81_000_000,
        "thermal_before": "nominal",
        "thermal_after": "fair",
        "answers": {"samples": 64, "max_abs_error": 0.0011, "label_agreement": 1.0},
        "not_measured": "",
    }
    return {
        "format": "edgekit device result 1.0",
        "date_utc": "2026-03-01T10:00:00Z",
        "artifact": {
            "name": ran.name,
            "target": "coreml",
            "precision": ran.precision,
            "task": full_report.task,
            "sha256": ran.sha256,
            "size_bytes": ran.size_bytes,
            "parameters": 17_000_000,
        },
        "kit": {"platform": "swift", "edgekit_version": "0.1.0"},
        "device": {"model": "iPhone16,1", "os": "iOS 18.2", "logical_cores": 6, "simulated": False},
        "rows": [row],
    }


def saved(result: dict[str, Any], folder: Path, name: str = "result.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(result), encoding="utf-8")
    return path


def report_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "report.json").read_text(encoding="utf-8"))


def test_the_published_schema_is_current_and_takes_the_example(result: dict[str, Any]) -> None:
    published = json.loads((DOCS / "device-result.schema.json").read_text(encoding="utf-8"))
    assert published == device_schema(), "run: python -m edgekit.device_result docs"
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.Draft202012Validator(published).validate(result)


def test_a_device_stands_beside_this_machine(result: dict[str, Any], run: Path, tmp_path: Path) -> None:
    had_phone_gap = [gap["what"] for gap in report_of(run)["not_measured"]]
    found, folder = import_result(saved(result, tmp_path), into=run)
    assert folder == run and found.device.model == "iPhone16,1"
    told = report_of(run)
    assert told["devices"][0]["rows"][0]["p50_ms"] == 1.234
    assert "Latency on a phone" not in [gap["what"] for gap in told["not_measured"]]
    assert len(told["not_measured"]) >= len(had_phone_gap) - 1
    for page in ("report.html", "report.md"):
        text = (run / page).read_text(encoding="utf-8")
        assert "iPhone16,1" in text and "1.23" in text and "nominal → fair" in text
    rows = (run / "report.md").read_text().split("Devices side by side")[-1].split("##")[0]
    assert rows.index("This machine") < rows.index("iPhone16,1")


def test_a_model_for_images_is_told_of_in_images(
    result: dict[str, Any], full_report: Report, tmp_path: Path
) -> None:
    run = tmp_path / "exported" / "digits"
    write_report(full_report.model_copy(update={"task": "image-classification"}), run)
    result["artifact"]["task"] = "image-classification"
    result["rows"][0] |= {"end_to_end_p50_ms": 1.75, "end_to_end_p90_ms": 2.5, "end_to_end_p99_ms": 4.0}
    import_result(saved(result, tmp_path), into=run)
    text = (run / "report.md").read_text(encoding="utf-8")
    page = text.split("Devices side by side")[-1].split("##")[0]
    assert "Decoding and resizing excluded, ms" in page and "Image to answer, ms" in page
    assert "iPhone16,1" in page and "1.75" in page and "okeniz" not in page
    assert "one image at a time, from its decoded pixels on" in text and "Length, tokens" not in text
    assert "Error by batch size\n" in text.replace("**", "\n")


def test_a_decoder_is_told_of_by_the_token(result: dict[str, Any], tmp_path: Path) -> None:
    run, report = tmp_path / "exported" / "stories", decoder_report()
    run.mkdir(parents=True)
    write_report(report, run)
    assert read_report(run) == report
    sha256 = report.artifacts[0].sha256
    result["artifact"] |= {"sha256": sha256, "task": "text-generation"}
    [row] = result["rows"]
    row |= {"p50_ms": None, "p90_ms": None, "p99_ms": None}
    row["answers"] = {"samples": 7, "token_agreement": 0.875}
    measured = {
        "prompt_tokens": 512, "new_tokens": 64, "runs": 5, "first_token_p50_ms": 321.0,
        "first_token_p90_ms": 330.5, "tokens_per_second": 87.65, "tokens_per_second_sd": 1.25,
        "next_token_p50_ms": 11.4, "next_token_p99_ms": 15.0,
    }  # fmt: skip
    row["generation"] = [measured]
    import_result(saved(result, tmp_path), into=run)
    [kept] = read_report(run).devices
    assert kept.rows[0].generation is not None and kept.rows[0].generation[0].runs == 5
    page = (run / "report.md").read_text(encoding="utf-8").split("\n## Devices")[1].split("\n## ")[0]
    for word in ("iPhone16,1", "int4", "512", "321", "87.7 (± 1.2)", "15.0", "87.5 % same tokens"):
        assert word in page.replace("\u202f", " "), word
    here = [line for line in page.splitlines() if "This machine" in line]
    assert len(here) == 2 and "150.0" in here[0]  # the same file's, on this computer, for each prompt

    result["artifact"]["sha256"] = "b" * 64
    with pytest.raises(DataError, match="has student-onnxruntime-int4 aaaaaaaaaaaa…"):
        import_result(saved(result, tmp_path), into=run)
    row["generation"] = []
    with pytest.raises(DataError, match="generation"):
        import_result(saved(result, tmp_path), into=run)


def test_the_same_file_twice_is_one_result(result: dict[str, Any], run: Path, tmp_path: Path) -> None:
    path = saved(result, tmp_path)
    import_result(path, into=run)
    import_result(path, into=run)
    later = copy.deepcopy(result)
    later["date_utc"], later["device"]["model"] = "2026-03-02T10:00:00Z", "Pixel 9"
    import_result(saved(later, tmp_path), into=run)
    assert [d["device"]["model"] for d in report_of(run)["devices"]] == ["iPhone16,1", "Pixel 9"]
    assert len(list((run / "devices").iterdir())) == 2


def test_the_run_is_found_by_its_artifact(
    result: dict[str, Any], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert import_result(saved(result, tmp_path))[1] == Path("exported/films")
    result["artifact"]["sha256"] = "0" * 64
    with pytest.raises(DataError, match="None of the 1 reports"):
        import_result(saved(result, tmp_path))


def test_another_file_is_refused_and_nothing_changes(
    result: dict[str, Any], run: Path, tmp_path: Path
) -> None:
    before = (run / "report.json").read_bytes()
    result["artifact"]["sha256"] = "f" * 64
    with pytest.raises(DataError, match="ffffffffffff"):
        import_result(saved(result, tmp_path), into=run)
    assert (run / "report.json").read_bytes() == before and not (run / "devices").exists()


def test_a_simulator_is_refused_unless_asked_for(result: dict[str, Any], run: Path, tmp_path: Path) -> None:
    result["device"]["simulated"] = True
    path = saved(result, tmp_path)
    with pytest.raises(DataError, match="says nothing of a device"):
        import_result(path, into=run)
    import_result(path, into=run, simulated=True)
    assert "simulated: says nothing of a device" in (run / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": "edgekit device result 2.0"}, "format"),
        ({"date_utc": "yesterday"}, "date_utc"),
        ({"rows": []}, "rows"),
        ({"extra": 1}, "extra"),
        ({"device": {"model": "x", "os": "y", "logical_cores": 0, "simulated": False}}, "logical_cores"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    change: dict[str, Any], named: str, result: dict[str, Any], run: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=named):
        import_result(saved({**result, **change}, tmp_path), into=run)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(device_schema()).validate({**result, **change})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'{"p50_ms": NaN}'])
def test_a_broken_file_is_refused(content: bytes, run: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no device result"):
        import_result(path, into=run)


def test_a_figure_that_is_no_number_is_refused(result: dict[str, Any], run: Path, tmp_path: Path) -> None:
    for wrong in ("1.2", -1, float("nan"), True):
        result["rows"][0]["p50_ms"] = wrong
        with pytest.raises(DataError, match="p50_ms"):
            import_result(saved(result, tmp_path), into=run)


def test_a_folder_without_a_report_is_refused(result: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="does not exist"):
        import_result(saved(result, tmp_path), into=tmp_path / "empty")


def test_what_was_measured_before_the_file_changed_is_listed(
    result: dict[str, Any], run: Path, full_report: Report, tmp_path: Path
) -> None:
    from edgekit.stages.devices import kept_results, with_devices

    import_result(saved(result, tmp_path), into=run)
    changed = full_report.model_copy(
        update={"artifacts": tuple(a.model_copy(update={"sha256": "a" * 64}) for a in full_report.artifacts)}
    )
    report = with_devices(changed, kept_results(run))
    assert report.devices == ()
    assert any("iPhone16,1" in gap.what for gap in report.not_measured)
    assert len(with_devices(report, kept_results(run)).not_measured) == len(report.not_measured)
