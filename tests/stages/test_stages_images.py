"""A whole run on images, from a folder of files to verified artifacts, a report and an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit import api
from edgekit.app import bundle_model
from edgekit.files import read_json
from edgekit.models.save import save_model
from edgekit.pipeline import RunResult, plan_run, run_recipe
from edgekit.recipe.schema import Recipe
from edgekit.types import LabelledFile
from tests.image_examples import CLASSES, SIDE, save_images, stripes, tiny_model


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Images, and a teacher that was made for them but not trained."""
    root = tmp_path_factory.mktemp("images")
    return save_images(root / "stripes", 60), save_model(tiny_model(), root / "teacher", provenance={})


@pytest.fixture(scope="module")
def recipe(folders: tuple[Path, Path]) -> Recipe:
    images, teacher = folders
    return Recipe.model_validate(
        {
            "name": "stripes",
            "task": "image-classification",
            "device": "cpu",
            "precision": "fp32",
            "data": {"source": {"path": str(images)}, "format": "images", "max_length": SIDE},
            "teacher": {
                "model": {"path": str(teacher)},
                "finetune": {"epochs": 4, "batch_size": 8, "learning_rate": 5e-3},
            },
            "student": {"layers": 2, "hidden_size": 100},
            "distill": {
                "epochs": 4,
                "batch_size": 8,
                "learning_rate": 5e-3,
                "weights": {"soft_targets": 1, "labels": 0.5, "hidden_cosine": 0, "embedding_cosine": 0.5},
            },
            "baselines": {"label_only": False},
            "exports": [
                {"target": "onnx", "precisions": ["fp32", "int8-static"], "calibration_rows": 24},
            ],
            "gates": {"not_slower": False, "min_retained": 0, "metric_drop_int8": 20},
            "benchmark": {"enabled": False},
        }
    )


@pytest.fixture(scope="module")
def result(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run_recipe(recipe, out=tmp_path_factory.mktemp("run") / "stripes")


def test_the_plan_names_the_baseline_for_images(recipe: Recipe) -> None:
    assert "fit pixels + logistic regression" in plan_run(recipe).stages


def test_teacher_and_student_learn_to_tell_the_stripes_apart(result: RunResult) -> None:
    report = result.report
    assert report.teacher.score > 0.8
    assert report.student.score > 0.8
    assert report.student.parameters < report.teacher.parameters
    assert report.baselines.tfidf.score is not None
    assert report.data.token_lengths is None


def test_every_file_was_run_and_verified(result: RunResult) -> None:
    assert result.rejected == ()
    found = {a.name: a for a in result.report.artifacts}
    assert set(found) == {"student-onnx-fp32", "student-onnx-int8-static"}
    assert all(a.parity.executed and a.score is not None for a in found.values())
    int8 = found["student-onnx-int8-static"]
    assert int8.parity.max_abs_error > found["student-onnx-fp32"].parity.max_abs_error
    assert int8.parity.cosine > 0.98


def test_the_report_speaks_of_images(result: RunResult) -> None:
    page = (result.folder / "report.md").read_text(encoding="utf-8")
    card = (result.folder / "student" / "README.md").read_text(encoding="utf-8")
    assert "Pixels (logistic regression on 28×28 grey values)" in page
    assert "TF-IDF" not in page
    assert "pipeline_tag: image-classification" in card
    assert "whatever the image" in card


def test_the_cards_code_gives_the_models_answer(
    result: RunResult, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgekit.report.usage import USAGE, onnx_code

    folder = result.folder / "student"
    path = save_photo(tmp_path / "photo.png", "down")
    monkeypatch.chdir(folder)
    code = onnx_code(USAGE["image-classification"], "onnx/model.onnx", "").replace("photo.png", str(path))
    exec(code, {})  # what the card tells its readers to run
    [expected] = api.predict(folder, [str(path)])
    assert capsys.readouterr().out.strip() == expected.label


def save_photo(path: Path, kind: str) -> Path:
    """Larger than the model reads, and not square."""
    small = Image.fromarray(stripes(kind, 999))
    wide = Image.new("RGB", (90, 60))
    wide.paste(small.resize((60, 60), Image.Resampling.NEAREST), (15, 0))
    wide.save(path)
    return path


@pytest.mark.parametrize("file", ["", "onnx/model.onnx", "onnx/model_int8-static.onnx"])
def test_a_photo_is_answered(result: RunResult, tmp_path: Path, file: str) -> None:
    paths = [str(save_photo(tmp_path / f"{kind}.png", kind)) for kind in CLASSES]
    found = api.predict(result.folder / "student" / file, paths)
    assert [one.label for one in found] == list(CLASSES)
    assert found[0].input == paths[0]


def test_what_is_beside_a_file_says_how_images_are_prepared(result: RunResult) -> None:
    told = read_json(result.folder / "student" / "onnx" / "preprocessor_config.json")
    assert told["crop_size"] == {"height": SIDE, "width": SIDE}
    assert told["do_normalize"] is False


def test_an_unchanged_run_makes_nothing_anew(recipe: Recipe, result: RunResult) -> None:
    again = run_recipe(recipe, out=result.folder)
    assert all(stage.reused for stage in again.report.stages)


def test_app_kits_carry_the_smallest_file_and_the_runs_own_images(result: RunResult, tmp_path: Path) -> None:
    web, android = bundle_model(result.folder, platforms=["web", "android"], out=tmp_path / "kits")
    exported = (result.folder / "student" / "onnx").glob("*.onnx")
    assert web.artifact.size_bytes == android.artifact.size_bytes == min(p.stat().st_size for p in exported)
    samples = read_json(web.path / "test" / "samples.json")["samples"]
    assert {(one["width"], one["height"]) for one in samples} == {(SIDE, SIDE)} and len(samples) > 4
    lines = (android.path / "stripes/src/shared/resources/samples.txt").read_text().splitlines()
    assert [line.split(" ")[2] for line in lines] == [one["rgb"] for one in samples]
    assert web.manifest["image"] == {"size": SIDE, "shortest_edge": SIDE}


def test_a_folder_is_verified_on_labelled_images(
    result: RunResult, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    student = result.folder / "student"
    data = LabelledFile(folders[0])
    _, parity = api.verify_artifact(student / "onnx" / "model.onnx", against=student, data=data)
    assert (parity.samples, parity.passed) == (120, True)
    assert parity.metric > 0.8


def test_without_data_numbers_alone_are_compared(result: RunResult, tmp_path: Path) -> None:
    [built] = api.export_model(result.folder / "student", targets=("onnx",), out=tmp_path / "exported")
    assert built.parity.passed
    assert built.parity.metric is None
    assert np.isfinite(built.parity.max_abs_error)
