"""Bad input at the command line: a fact, a remedy, a non-zero exit, and nothing lost."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASE = """\
name: tiny
data: {{source: {{path: {data}}}}}
teacher: {{model: {{path: {teacher}}}, finetune: {finetune}}}
student: {{layers: 2}}
distill: {{epochs: 1}}
"""


def edgekit(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgekit", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def write_csv(path: Path, rows: list[tuple[str, str]], header: tuple[str, str] = ("text", "label")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def run(tmp_path: Path, teacher: Path, data: Path, *, finetune: str = "null", more: tuple[str, ...] = ()):
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(BASE.format(data=data, teacher=teacher, finetune=finetune))
    return edgekit("run", recipe, *more, "--out", tmp_path / "out", cwd=tmp_path)


def refused(result: subprocess.CompletedProcess[str], code: int, *texts: str) -> None:
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    for text in texts:
        assert text in result.stderr, result.stderr


def test_a_recipe_with_a_typo(tmp_path: Path, tiny_classifier: Path, reviews_csv: Path) -> None:
    result = run(tmp_path, tiny_classifier, reviews_csv, more=("distil.epochs=3",))
    refused(result, 2, "distil.epochs", "did you mean 'distill'")


def test_a_missing_column(tmp_path: Path, tiny_classifier: Path) -> None:
    data = write_csv(tmp_path / "d.csv", [("x", "negative")] * 20, header=("txt", "label"))
    refused(run(tmp_path, tiny_classifier, data), 5, "'text'", "'txt'")


def test_one_class_only(tmp_path: Path, tiny_encoder: Path) -> None:
    data = write_csv(tmp_path / "d.csv", [(f"a film {i}", "good") for i in range(30)])
    refused(run(tmp_path, tiny_encoder, data, finetune="{}"), 5, "good")


def test_empty_texts(tmp_path: Path, tiny_classifier: Path) -> None:
    rows = [(f"film {i}", ("negative", "positive")[i % 2]) for i in range(30)]
    data = write_csv(tmp_path / "d.csv", [*rows, (" ", "negative")])
    refused(run(tmp_path, tiny_classifier, data), 5, "1 of 31 rows", "drop_empty")


def test_labels_that_do_not_match_the_teachers_head(tmp_path: Path, tiny_classifier: Path) -> None:
    data = write_csv(tmp_path / "d.csv", [(f"mail {i}", ("ham", "spam")[i % 2]) for i in range(40)])
    refused(run(tmp_path, tiny_classifier, data), 6, "[negative, positive]", "[ham, spam]")
    assert not (tmp_path / "out" / "teacher").exists()


def test_a_tokenizer_with_another_vocabulary(make_tiny, tmp_path: Path, reviews_csv: Path) -> None:
    teacher = make_tiny(tmp_path / "t", labels=("negative", "positive"), vocabulary=9000)
    refused(run(tmp_path, teacher, reviews_csv), 6, "9,000 rows", "tokenizer")


def test_a_truncated_safetensors_file(tmp_path: Path, tiny_classifier: Path, reviews_csv: Path) -> None:
    teacher = tmp_path / "t"
    shutil.copytree(tiny_classifier, teacher)
    weights = teacher / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    refused(run(tmp_path, teacher, reviews_csv), 4, "model.safetensors")


def test_a_pickle(tmp_path: Path, tiny_classifier: Path, reviews_csv: Path) -> None:
    import torch

    teacher = tmp_path / "t"
    shutil.copytree(tiny_classifier, teacher)
    (teacher / "model.safetensors").unlink()
    torch.save({"w": torch.zeros(3)}, teacher / "pytorch_model.bin")
    refused(run(tmp_path, teacher, reviews_csv), 4, "pytorch_model.bin", "safetensors")


def test_a_wrong_sha256(tmp_path: Path, tiny_classifier: Path, reviews_csv: Path) -> None:
    source = json.dumps({"path": str(reviews_csv), "sha256": "0" * 64})
    refused(run(tmp_path, tiny_classifier, reviews_csv, more=(f"data.source={source}",)), 4, "0" * 64)


def test_an_unknown_target(tmp_path: Path, tiny_classifier: Path) -> None:
    result = edgekit("export", tiny_classifier, "--target", "tflite", cwd=tmp_path)
    refused(result, 8, "no target 'tflite'", "onnx, onnxruntime, coreml")


def test_an_unknown_flag_and_command(tmp_path: Path) -> None:
    refused(edgekit("exprot", "x", cwd=tmp_path), 2, "Did you mean 'export'?")
    refused(edgekit("run", "movie-reviews", "--dryrun", cwd=tmp_path), 2, "--dry-run")


def test_an_empty_text_and_a_file_that_is_no_model(tmp_path: Path, tiny_classifier: Path) -> None:
    refused(edgekit("predict", tiny_classifier, "  ", cwd=tmp_path), 5, "Text 1 is empty")
    broken = tmp_path / "m.onnx"
    broken.write_bytes(b"not an onnx file")
    refused(edgekit("predict", broken, "x", cwd=tmp_path), 6, "not a readable ONNX model")


def test_an_error_as_json(tmp_path: Path, tiny_classifier: Path) -> None:
    result = edgekit("export", tiny_classifier, "--target", "tflite", "--json", cwd=tmp_path)
    told = json.loads(result.stdout)["error"]
    assert told["exit_code"] == result.returncode == 8 and told["remedy"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_while_printing_results(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edgekit", "recipes", "ls"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 11 and "disk is full" in done.stderr


def test_a_model_whose_numbers_are_not_finite(tmp_path: Path, tiny_classifier: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny_classifier, tmp_path / "bad")
    weights = load_file(tmp_path / "bad/model.safetensors")
    weights["classifier.weight"][0, 0] = float("nan")
    save_file(weights, tmp_path / "bad/model.safetensors", metadata={"format": "pt"})
    refused(edgekit("predict", "bad", "fine", cwd=tmp_path), 6, "bad answers 'fine' with numbers that are")
    exported = edgekit("export", "bad", "-t", "onnx", "--json", cwd=tmp_path)
    assert exported.returncode == 9, exported.stderr
    assert '"max_abs_error": null' in exported.stdout, "JSON has no infinity"
