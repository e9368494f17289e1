"""A whole search for real, on a tiny teacher: found, refused, continued, shared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgekit.errors import GateFailed, RecipeError
from edgekit.fit.bounds import Bounds
from edgekit.fit.exact import Scale, least_bytes
from edgekit.fit.halving import FrontierHalving
from edgekit.fit.results import Outcome
from edgekit.fit.run import Options, export_of, fit_recipe, plan_fit
from edgekit.fit.trial import as_trial, share_teacher, train
from edgekit.pipeline import prepare
from edgekit.recipe.load import load_recipe
from edgekit.recipe.schema import Recipe
from edgekit.types import CurvePoint

RECIPE = """
name: tiny
data: {{source: {{path: {data}}}}}
teacher: {{model: {{path: {teacher}}}, finetune: {{epochs: 5, learning_rate: 0.003}}}}
student: {{layers: 2}}
distill: {{epochs: 3, learning_rate: 0.003}}
exports: [{{target: onnx, precisions: [fp32]}}]
gates: {{metric_drop_float: 5}}
benchmark: {{enabled: false, bootstrap: 200}}
fit:
  trials: 2
  precisions: [fp32]
  derive: false
  space: {{student.layers: [1, 2, 3], student.hidden_size: [16, 32]}}
"""
BOUNDS = Bounds(max_bytes=260_000, min_retention=0.5)


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory: pytest.TempPathFactory, tiny_classifier: Path, reviews_csv: Path) -> Path:
    path = tmp_path_factory.mktemp("fit") / "tiny.yaml"
    path.write_text(RECIPE.format(data=reviews_csv, teacher=tiny_classifier))
    return path


@pytest.fixture(scope="module")
def recipe(recipe_file: Path) -> Recipe:
    return load_recipe(recipe_file)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results") / "tiny"


@pytest.fixture(scope="module")
def outcome(recipe: Recipe, run: Path) -> Outcome:
    return fit_recipe(recipe, BOUNDS, out=run)


def test_a_student_that_fits_is_found_exported_and_tested(outcome: Outcome) -> None:
    assert outcome.holding and outcome.frontier
    for member in outcome.holding:
        assert member.path.stat().st_size == member.size_bytes <= 260_000
        assert member.retained is not None and member.retained.low <= member.retained.value >= 0.5
        assert json.loads((member.folder / "report.json").read_text())["artifacts"]


def test_sizes_before_training_are_the_real_files_sizes(outcome: Outcome) -> None:
    trained = [row for row in outcome.rows if row.scored]
    assert trained
    for row in trained:
        before = {f.precision: f.size_bytes for f in row.files}
        for one in row.scored:
            assert before[one.precision] == one.size_bytes
    for member in outcome.members:
        [row] = [r for r in outcome.rows if r.number == member.trial]
        assert {f.precision: f.size_bytes for f in row.files}[member.precision] == member.size_bytes


def test_what_can_not_fit_is_not_trained(outcome: Outcome) -> None:
    for row in outcome.rows:
        if row.files and min(f.size_bytes for f in row.files) > 260_000:
            assert row.state == "pruned" and not row.scored and "does not fit" in row.why
            assert row.seconds is None


def test_the_table_and_the_picture_are_written(outcome: Outcome) -> None:
    told = json.loads((outcome.folder / "fit.json").read_text())
    assert len(told["rows"]) == len(outcome.rows) and told["bounds"]["max_bytes"] == 260_000
    assert str(outcome.folder.parent) not in (outcome.folder / "fit.json").read_text()
    page = (outcome.folder / "fit.md").read_text()
    for row in outcome.rows:
        assert row.student in page
    assert (outcome.folder / "fit.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (outcome.folder / "fit.svg").read_text()


def test_a_members_recipe_makes_the_same_student_again(outcome: Outcome, tmp_path: Path) -> None:
    member = outcome.holding[0]
    again = load_recipe(member.folder / "recipe.yaml")
    assert again.name != "tiny", "it must not write over the run that it came from"
    [row] = [r for r in outcome.rows if r.number == member.trial]
    assert f"{again.student.layers} layer" in row.student
    report = json.loads((member.folder / "report.json").read_text())
    assert report["recipe"]["name"] == again.name


def test_the_same_search_again_trains_nothing(recipe: Recipe, run: Path, outcome: Outcome) -> None:
    weights = {p: p.stat().st_mtime_ns for p in (run / "fit").rglob("model.safetensors")}
    again = fit_recipe(recipe, BOUNDS, out=run)
    assert [m.sha256 for m in again.members] == [m.sha256 for m in outcome.members]
    assert {p: p.stat().st_mtime_ns for p in (run / "fit").rglob("model.safetensors")} == weights


def test_other_bounds_begin_with_what_was_trained(recipe: Recipe, run: Path, outcome: Outcome) -> None:
    trained = {row.folder for row in outcome.rows if row.scored}
    wider = fit_recipe(recipe, Bounds(max_bytes=300_000, min_retention=0.5), out=run)
    assert trained <= {row.folder for row in wider.rows if row.scored}
    assert sum(bool(row.scored) for row in wider.rows) == 2, "both trials were there already"


def test_no_student_fits_and_the_nearest_is_named(recipe: Recipe, run: Path, outcome: Outcome) -> None:
    with pytest.raises(GateFailed, match="No student keeps 150 %") as caught:
        fit_recipe(recipe, Bounds(max_bytes=260_000, min_retention=1.5), out=run)
    assert "--min-retention" in caught.value.remedy and "nearest, student" in caught.value.fact
    assert "nearest" in (run / "fit" / "fit.md").read_text()


def test_training_tells_each_evaluation_and_ends_when_told(
    recipe: Recipe, run: Path, outcome: Outcome, tmp_path: Path
) -> None:
    class Enough(Exception):
        pass

    points = []

    def watch(point: CurvePoint) -> None:
        points.append(point.epoch)
        if len(points) == 2:
            raise Enough

    share_teacher(run, tmp_path / "trial", recipe, tmp_path / "answers")
    context = prepare(recipe, tmp_path / "trial", offline=True)
    with pytest.raises(Enough):
        train(context, watch)
    assert points == [0.5, 1.0]
    assert not (tmp_path / "trial" / "student").exists()


def test_a_student_behind_others_is_stopped_and_its_folder_deleted(
    recipe: Recipe, run: Path, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FrontierHalving, "prune", lambda *_: True)
    stopping = fit_recipe(recipe, Bounds(max_bytes=420_000, min_retention=0.5), Options(trials=3), out=run)
    [row] = [r for r in stopping.rows if r.why == "stopped"]
    assert row.state == "pruned" and row.reached is not None and not row.scored
    assert len(list((run / "fit" / "trials").iterdir())) <= sum(bool(r.scored) for r in stopping.rows)


def test_bounds_below_any_student_are_refused_at_once(recipe: Recipe, run: Path, outcome: Outcome) -> None:
    with pytest.raises(RecipeError, match="smallest student of the space") as caught:
        fit_recipe(recipe, Bounds(max_bytes=20_000, max_latency_ms=1e-6), out=run)
    assert len(caught.value.problems) == 2, "both bounds are named"
    words = caught.value.remedy.split()
    size = float(words[words.index("--max-bytes") + 1].removesuffix("MB")) * 1e6
    least = min(f.size_bytes for row in outcome.rows for f in row.files if f.size_bytes)
    assert size <= least * 1.05


def test_arithmetic_is_never_above_the_file(recipe: Recipe, tmp_path: Path) -> None:
    context = prepare(recipe, tmp_path / "out", offline=True)
    config = context.base.module.config
    export = export_of(load_like(recipe, ["fp32", "int8"]))
    scale = Scale(context, export, tmp_path / "shapes")
    small = recipe.student.model_copy(update={"layers": 1, "hidden_size": 16, "embedding_rank": 5})
    shape = scale.weigh(as_trial(recipe.model_copy(update={"student": small}), "0" * 12, export))
    for file in shape.files:
        assert not file.error and file.ms is not None and 0 < file.ms <= file.ms_high
        assert 0 < least_bytes(small, config, tokens=60, precisions=[file.precision]) < file.size_bytes
    weighed = list((tmp_path / "shapes").glob("*.json"))
    again = scale.weigh(as_trial(recipe.model_copy(update={"student": small}), "1" * 12, export))
    assert again == shape and list((tmp_path / "shapes").glob("*.json")) == weighed


def load_like(recipe: Recipe, precisions: list[str]) -> Recipe:
    fit = recipe.fit.model_copy(update={"precisions": tuple(precisions)})
    return recipe.model_copy(update={"fit": fit})


def test_the_plan_changes_nothing(recipe: Recipe, tmp_path: Path) -> None:
    plan = plan_fit(recipe, BOUNDS, Options(trials=7), out=tmp_path / "out")
    assert plan.trials == 7 and plan.derived and plan.space["student.layers"] == [1, 2, 3]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"exports": ()}, "exports nothing"),
        ({"fit": {"target": "coreml"}}, "fit.target is coreml"),
        ({"fit": {"precisions": ["palette4"]}}, "palette4"),
    ],
)
def test_an_export_that_can_not_be_fitted_is_refused(recipe: Recipe, update: dict, message: str) -> None:
    wrong = Recipe.model_validate({**recipe.model_dump(exclude_unset=True), **update})
    with pytest.raises(RecipeError, match=message):
        export_of(wrong)


def _fit(recipe_file: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    words = ("fit", recipe_file, "--max-bytes", "260kB", "--min-retention", "0.5", "--out", out, *more)
    return subprocess.Popen(
        [sys.executable, "-m", "edgekit", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_killed_search_goes_on_where_it_was(recipe_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    slower = ("distill.epochs=120", "distill.checkpoint_every_s=0.2", "fit.trials=1")
    first = _fit(recipe_file, out, *slower)
    deadline = time.monotonic() + 500
    while not list(out.glob("fit/trials/*/.edgekit/checkpoints/student/state.json")):
        assert first.poll() is None and time.monotonic() < deadline, first.communicate()
        time.sleep(0.1)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    [folder] = out.glob("fit/trials/*")
    second = _fit(recipe_file, out, *slower)
    _, said = second.communicate(timeout=900)
    assert second.returncode == 0, said
    assert "Student 0, which a run left unfinished, goes on." in said
    assert "UserWarning" not in said
    assert "continuing at step" in said, said
    rows = json.loads((out / "fit" / "fit.json").read_text())["rows"]
    assert f"trials/{folder.name}" in [row["folder"] for row in rows]


@pytest.mark.slow
def test_two_workers_share_a_search_without_repeating_a_student(recipe_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    both = _fit(recipe_file, out, "--workers", "2", "--trials", "4", "--json")
    told, said = both.communicate(timeout=900)
    assert both.returncode == 0, said
    outcome = json.loads(told)
    trained = [row["folder"] for row in outcome["rows"] if row["scored"]]
    assert len(trained) == 4 == len(set(trained))
    assert outcome["members"]
