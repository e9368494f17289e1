"""Each single step on a user's own folder and file, with flags alone, and as a Python function."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit


def call(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgekit", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def distilled(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, reviews_csv: Path) -> Path:
    """A student distilled with flags alone from an encoder that had no head."""
    work = tmp_path_factory.mktemp("distilled")
    words = ("--layers", "2", "--epochs", "3", "--finetune-epochs", "6", "--learning-rate", "0.003")
    done = call(
        "distill", tiny_encoder, "--data", reviews_csv, *words, "--out", work / "mine", "--json", cwd=work
    )
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout)["report"]
    assert report["student"]["parameters"] < report["teacher"]["parameters"]
    assert report["artifacts"] == []
    return work / "mine"


def test_distill_leaves_a_student_that_plain_transformers_loads(distilled: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(distilled / "student")
    assert model.config.num_hidden_layers == 2 and model.config.id2label[1] == "positive"
    assert (distilled / "report.html").is_file()


def test_export_quantize_verify_bench_and_predict(distilled: Path, reviews_csv: Path, tmp_path: Path) -> None:
    student = distilled / "student"
    done = call(
        "export", student, "-t", "onnx", "-t", "coreml", "--data", reviews_csv, "--json",
        "--out", tmp_path / "e",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    built = json.loads(done.stdout)["artifacts"]
    assert [b["artifact"]["target"] for b in built] == ["onnx", "coreml"]
    assert built[0]["parity"]["executed"] and built[0]["parity"]["metric_drop"] == 0

    onnx = tmp_path / "e" / "onnx" / "model.onnx"
    done = call("verify", onnx, "--against", student, "--data", reviews_csv, "--json", cwd=tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["passed"]

    # A model this small may well be slower in int8: then it must be rejected, with 9.
    done = call(
        "quantize", student, "--data", reviews_csv, "--allow-slower", "--metric-drop", "20",
        "--out", tmp_path / "q", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    assert (tmp_path / "q/onnx/model_int8.onnx").is_file()

    done = call(
        "bench", student, onnx, tmp_path / "q/onnx/model_int8.onnx", "--data", reviews_csv, "--rows", "20",
        "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [t["runs"] for t in told["timings"]] == [20, 20, 20]
    assert all(t["p50_ms"] > 0 and t["peak_bytes"] > 1e6 for t in told["timings"])
    assert told["environment"]

    done = call("predict", onnx, "a superb and warm story", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.split("\t")[0] in ("negative", "positive")


def test_a_gate_that_fails_exits_with_9_and_moves_the_file(distilled: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "strict.yaml"
    student = distilled / "student"
    rows = tmp_path / "rows.csv"
    lines = [f"a warm film {i},positive\na dull film {i},negative\n" for i in range(50)]
    rows.write_text("text,label\n" + "".join(lines))
    recipe.write_text(
        f"name: strict\ndata: {{source: {{path: {rows}}}}}\nteacher: {{model: {{path: {student}}}}}\n"
        "student: {layers: 1}\ndistill: {epochs: 1}\nexports: [{target: onnx, precisions: [fp32]}]\n"
        "gates: {max_abs_error_fp32: 1.0e-12}\nbenchmark: {enabled: false}\n"
        "baselines: {label_only: false, tfidf: false}\n"
    )
    done = call("run", recipe, "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 9, done.stderr
    assert "largest difference" in done.stderr
    assert (tmp_path / "out/student/rejected/onnx/model.onnx").is_file()
    assert not (tmp_path / "out/student/onnx/model.onnx").exists()
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["artifacts"][0]["rejected"] and report["artifacts"][0]["rejected_because"]


def test_the_same_as_python_functions(distilled: Path, tmp_path: Path) -> None:
    built = edgekit.export_model(distilled / "student", targets=["onnx"], out=tmp_path / "out")
    assert built[0].parity.passed
    found = edgekit.predict(built[0].artifact.path, ["a superb and warm story"])
    assert abs(sum(found[0].probabilities.values()) - 1) < 1e-6
    with pytest.raises(AttributeError):
        edgekit.nothing_like_this  # noqa: B018


def test_two_runs_on_one_folder(tiny_classifier: Path, reviews_csv: Path, tmp_path: Path) -> None:
    from edgekit.files import folder_lock

    with folder_lock(tmp_path / "out"):
        done = call(
            "distill", tiny_classifier, "--data", reviews_csv, "--out", tmp_path / "out", cwd=tmp_path
        )
    assert done.returncode == 10 and "in use by process" in done.stderr
