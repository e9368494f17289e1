"""A whole run on sounds, from a folder of files to verified artifacts, a report and an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit import api
from edgekit.errors import DataError
from edgekit.files import read_json
from edgekit.models.save import save_model
from edgekit.pipeline import RunResult, plan_run, run_recipe
from edgekit.recipe.schema import Benchmark, Recipe
from edgekit.stages.plain_features import log_mel_statistics
from edgekit.types import LabelledFile
from tests.audio_examples import CLASSES, RATE, SAMPLES, TASK, save_sounds, sweep, tiny_model, write_wav


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sounds(tmp_path_factory.mktemp("audio") / "sweeps", 60)


@pytest.fixture(scope="module")
def recipe(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    teacher = save_model(tiny_model(), tmp_path_factory.mktemp("audio") / "teacher", provenance={})
    return Recipe.model_validate(
        {
            "name": "sweeps",
            "task": TASK,
            "device": "cpu",
            "precision": "fp32",
            "data": {
                "source": {"classes": {kind: {"path": str(sounds / kind)} for kind in CLASSES}},
                "format": "audio",
                "max_length": SAMPLES,
                "sampling_rate": RATE,
                "time_shift": 200,
            },
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
            "exports": [{"target": "onnx", "precisions": ["fp32", "int8-static"], "calibration_rows": 24}],
            "gates": {"not_slower": False, "min_retained": 0, "metric_drop_int8": 20},
            "benchmark": {"enabled": False},
        }
    )


@pytest.fixture(scope="module")
def result(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """One run; its cache of composed classes lies beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        return run_recipe(recipe, out=tmp_path_factory.mktemp("run") / "sweeps")


def test_the_plan_names_the_baseline_for_sounds(recipe: Recipe) -> None:
    assert "fit log-mel statistics + logistic regression" in plan_run(recipe).stages


def test_teacher_and_student_learn_to_tell_the_sweeps_apart(result: RunResult) -> None:
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


def test_the_report_speaks_of_sounds(result: RunResult) -> None:
    page = (result.folder / "report.md").read_text(encoding="utf-8")
    card = (result.folder / "student" / "README.md").read_text(encoding="utf-8")
    assert "Log-mel statistics (logistic regression on mean and deviation of 64 bands)" in page
    assert "TF-IDF" not in page
    assert "pipeline_tag: audio-classification" in card
    assert "whatever the sound" in card


def clip(path: Path, kind: str) -> Path:
    """Twice as long as the model hears, in stereo and at another rate."""
    whole = np.concatenate([np.zeros(SAMPLES // 2), sweep(kind, 999), np.zeros(SAMPLES // 2)])
    fast = np.repeat(whole, 2)
    return write_wav(path, np.stack([fast, 0.5 * fast]), rate=2 * RATE)


def test_the_cards_code_gives_the_models_answer(
    result: RunResult, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgekit.report.usage import USAGE, onnx_code

    path = clip(tmp_path / "clip.wav", "rising")
    monkeypatch.chdir(result.folder / "student")
    code = onnx_code(USAGE[TASK], "onnx/model.onnx", "").replace("clip.wav", str(path))
    told: dict = {}
    exec(code, told)  # what the card tells its readers to run
    [expected] = api.predict(result.folder / "student", [str(path)])
    assert capsys.readouterr().out.strip() == expected.label
    own = tiny_model().processor([str(path)])["input_values"][0]
    assert np.abs(told["samples"][0] - own).max() < 1e-6


@pytest.mark.parametrize("file", ["", "onnx/model.onnx", "onnx/model_int8-static.onnx"])
def test_a_clip_is_answered(result: RunResult, tmp_path: Path, file: str) -> None:
    paths = [str(clip(tmp_path / f"{kind}.wav", kind)) for kind in CLASSES]
    found = api.predict(result.folder / "student" / file, paths)
    assert [one.label for one in found] == list(CLASSES)
    assert found[0].input == paths[0]


def test_what_is_beside_a_file_says_how_sounds_are_prepared(result: RunResult) -> None:
    told = read_json(result.folder / "student" / "onnx" / "preprocessor_config.json")
    assert (told["sampling_rate"], told["samples"]) == (RATE, SAMPLES)


def test_a_folder_of_sounds_verifies_and_times_a_file(result: RunResult, sounds: Path) -> None:
    file = result.folder / "student" / "onnx" / "model.onnx"
    data = LabelledFile(sounds)
    _, parity = api.verify_artifact(file, against=result.folder / "student", data=data)
    assert parity.passed
    assert (parity.samples, parity.metric_name) == (120, "accuracy")
    [timing] = api.bench_models([file], data=data, config=Benchmark(warmup=1, rows=8)).timings
    assert timing.p50_ms is not None and timing.end_to_end_p50_ms > timing.p50_ms


def test_a_missing_clip_is_refused(result: RunResult) -> None:
    with pytest.raises(DataError, match="does not exist"):
        api.predict(result.folder / "student", ["nowhere.wav"])


def test_the_baseline_hears_how_loud_each_band_is_and_how_steadily(tmp_path: Path) -> None:
    low, high = (np.sin(2 * np.pi * pitch * np.arange(SAMPLES) / RATE) for pitch in (300, 3_000))
    halved = high * (np.arange(SAMPLES) < SAMPLES // 2)
    paths = [str(write_wav(tmp_path / f"{i}.wav", 0.5 * x)) for i, x in enumerate((low, high, halved))]
    found = log_mel_statistics(paths, rate=RATE, samples=SAMPLES)
    assert found.shape == (3, 128)
    means, deviations = found[:, :64], found[:, 64:]
    assert means[0].argmax() < 15 < 45 < means[1].argmax()
    assert deviations[2].max() > 5 > deviations[1].max()
