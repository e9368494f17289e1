"""Recipes run from end to end in every mode and shape, and are refused before anything is trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgekit import progress
from edgekit.errors import EdgekitError, ModelError, TrainingError
from edgekit.pipeline import plan_run, prepare, run_recipe, train_models
from edgekit.recipe.dump import to_yaml
from edgekit.recipe.mapping import recipe_from_mapping
from edgekit.recipe.schema import Recipe
from edgekit.stages.steps import alone, steps

Make = Callable[..., Recipe]


def laid_over(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    both = {**base, **more}
    return {
        key: laid_over(base[key], value)
        if isinstance(value, dict) and isinstance(base.get(key), dict)
        else value
        for key, value in both.items()
    }


@pytest.fixture(scope="module")
def recipe(tiny_classifier: Path, reviews_csv: Path) -> Make:
    """A maker of recipes on the tiny classifier; settings are laid over one that trains in a second."""

    def make(**more: Any) -> Recipe:
        base = {
            "name": "tiny",
            "device": "cpu",
            "precision": "fp32",
            "data": {"source": {"path": str(reviews_csv)}, "max_length": 32},
            "teacher": {
                "model": {"path": str(tiny_classifier)},
                "finetune": {"epochs": 4, "learning_rate": 3e-3},
            },
            "student": {"layers": 2},
            "distill": {"epochs": 3, "learning_rate": 3e-3},
            "baselines": {"label_only": False, "tfidf": False},
            "benchmark": {"bootstrap": 100, "rows": 5, "warmup": 1},
        }
        return recipe_from_mapping(laid_over(base, more), origin="test")

    return make


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One results folder for all: the teacher is trained once."""
    return tmp_path_factory.mktemp("run") / "out"


@pytest.fixture
def said():
    """What the run says."""
    lines: list[str] = []
    silent = progress.Silent()

    class Listening:
        bar = silent.bar

        def say(self, text: str) -> None:
            lines.append(text)

    progress.listen(Listening())
    yield lines
    progress.listen(silent)


SELF = {name: 0.0 for name in ("soft_targets", "hidden_cosine")} | {"labels": 1.0}
CASES: dict[str, dict[str, Any]] = {
    "offline": {},
    "online": {"distill": {"mode": "online"}},
    "mutual": {"distill": {"mode": "mutual", "epochs": 6}},
    "mutual, no teacher": {"distill": {"mode": "mutual", "weights": SELF, "epochs": 6}},
    "early exits": {"distill": {"mode": "early_exits"}},
    "snapshot, no teacher": {"distill": {"mode": "snapshot", "weights": SELF, "epochs": 6}},
    "snapshot, epoch": {"distill": {"mode": "snapshot", "snapshot": {"kind": "epoch"}}},
    "adversarial": {"distill": {"adversarial": {}}},
    "hard samples": {"distill": {"hard_samples": {"steps": 2}}},
    "rounded": {"student": {"quantization_aware": True}},
    "rounded in learned ranges": {
        "student": {"quantization_aware": True},
        "exports": [{"target": "onnx", "precisions": ["int8-static"]}],
        "gates": {"not_slower": False},
    },
    "own vocabulary": {"student": {"vocabulary": {"min_count": 1}}},
    "bilstm": {"student": {"architecture": "bilstm"}},
    "all at once": {
        "student": {"quantization_aware": True, "embedding_rank": 16},
        "distill": {"mode": "early_exits", "adversarial": {}, "embedding_updates": "frozen"},
    },
}


@pytest.mark.parametrize("case", CASES)
def test_it_runs_from_end_to_end(recipe: Make, out: Path, case: str) -> None:
    result = run_recipe(recipe(**CASES[case]), out=out)
    assert result.report.student.score > 0.9
    assert (out / "student/model.safetensors").is_file()
    log = [json.loads(line) for line in (out / "logs/student/metrics.jsonl").read_text().splitlines()]
    assert log[-1]["kind"] == "evaluation"


@pytest.mark.slow
def test_a_student_with_a_vocabulary_of_its_own_is_benchmarked_on_its_own_tokens(
    recipe: Make, out: Path
) -> None:
    made = recipe(
        student={"layers": 4, "vocabulary": {"size": 40}},
        distill={"weights": {"hidden_cosine": 0.0}, "epochs": 1},
        exports=[{"target": "onnx", "precisions": ["fp32"]}],
        benchmark={"rows": None},
    )
    report = run_recipe(made, out=out).report
    assert report.student.parameters < report.teacher.parameters
    (exported,) = [one for one in report.artifacts if one.name == "student-onnx-fp32"]
    assert exported.score == pytest.approx(report.student.score)
    torch_row = next(t for t in report.other_timings if t.name == "student-pytorch")
    assert torch_row.retained.value == pytest.approx(report.retained.value)


def test_a_chain_of_assistants_and_generations(recipe: Make, out: Path, said: list[str]) -> None:
    chain = recipe(
        student={"layers": 1},
        distill={"assistants": [{"layers": 3}, {"layers": 2}], "generations": 2},
    )
    result = run_recipe(chain, out=out)
    assert result.report.student.score > 0.9
    layers = {
        name: json.loads((out / name / "config.json").read_text())["num_hidden_layers"]
        for name in ("teacher", "assistant-1", "assistant-2", "generation-1", "student")
    }
    assert list(layers.values()) == [4, 3, 2, 1, 1]
    weights = [(out / name / "model.safetensors").read_bytes() for name in ("generation-1", "student")]
    assert weights[0] != weights[1]

    said.clear()
    run_recipe(chain, out=out)
    assert all("reused" in line for line in said)

    said.clear()
    (out / "generation-1/model.safetensors").write_bytes(b"damaged")
    run_recipe(chain, out=out)
    made = [line for line in said if ": done in" in line]
    assert [line.split(":")[0] for line in made] == ["Distil the student, generation 1"]


@pytest.mark.parametrize("combine", ["mean", "confidence"])
def test_several_teachers(recipe: Make, out: Path, make_tiny: Any, tmp_path: Path, combine: str) -> None:
    second = make_tiny(tmp_path / "second", labels=("negative", "positive"), layers=2)
    two = recipe(
        more_teachers=[
            {"model": {"path": str(second)}, "finetune": {"epochs": 4, "learning_rate": 3e-3}, "weight": 2}
        ],
        distill={"combine": combine},
    )
    result = run_recipe(two, out=out)
    assert result.report.student.score > 0.9
    assert (out / "teacher-2/model.safetensors").is_file()


def test_the_label_only_student_has_the_same_shape_and_no_teacher(recipe: Make, out: Path) -> None:
    both = recipe(baselines={"label_only": True}, distill={"mode": "early_exits", "adversarial": {}})
    lone = alone(both)
    assert lone.teachers == () and lone.distill.mode == "offline" and lone.distill.adversarial is None
    _, student, baseline = train_models(prepare(both, out))
    assert baseline is not None and baseline.parameters == student.parameters
    assert baseline.path.name == "label-only" and baseline.sha256 != student.sha256


def test_a_student_cut_from_a_model_of_its_own(
    recipe: Make, out: Path, make_tiny: Any, tmp_path: Path
) -> None:
    other = make_tiny(tmp_path / "other", labels=None, layers=2)
    made = recipe(student={"layers": 2, "model": {"path": str(other)}}, distill={"epochs": 6})
    context = prepare(made, out)
    assert set(context.sources) >= {"teacher", "student"}
    _, student, _ = train_models(context)
    assert student.curve[-1].validation_score > 0.9


def test_the_plan_tells_what_each_student_weighs(recipe: Make, out: Path, said: list[str]) -> None:
    from edgekit.stages.training import plan_students

    context = prepare(recipe(distill={"assistants": [{"layers": 3}]}), out)
    costs = plan_students(context)
    assert list(costs) == ["assistant-1", "student"]
    assert "parameters" in costs["student"] and "FLOPs" in costs["student"]
    assert f"student: {costs['student']}" in said


REFUSED: dict[str, tuple[dict[str, Any], type[EdgekitError], str]] = {
    "more layers than the teacher": ({"student": {"layers": 5}}, ModelError, "5 layers"),
    "a layer that does not exist": (
        {"distill": {"layer_map": [[1, 9]]}},
        TrainingError,
        "layer_map",
    ),
    "attention of a bilstm": (
        {"student": {"architecture": "bilstm"}, "distill": {"weights": {"attention_maps": 1.0}}},
        TrainingError,
        "no attention",
    ),
    "hidden states of other tokens": (
        {"student": {"vocabulary": {"size": 45}}},
        ModelError,
        "token by token",
    ),
    "an assistant larger than its teacher": (
        {"distill": {"assistants": [{"layers": 2}]}, "student": {"layers": 3}},
        ModelError,
        "3 layers",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_before_anything_is_trained(recipe: Make, tmp_path: Path, case: str) -> None:
    settings, kind, fact = REFUSED[case]
    with pytest.raises(kind, match=fact) as error:
        run_recipe(recipe(**settings), out=tmp_path / "out")
    assert error.value.remedy
    assert not (tmp_path / "out/teacher").exists()


def test_the_dry_run_names_every_model(recipe: Make, tiny_classifier: Path) -> None:
    planned = recipe(
        more_teachers=[{"model": {"path": str(tiny_classifier)}}],
        distill={"assistants": [{"layers": 3}], "generations": 2},
        baselines={"label_only": True},
    )
    plan = plan_run(planned)
    assert plan.writes[:6] == (
        "teacher/", "teacher-2/", "assistant-1/", "generation-1/", "student/", "label-only/",
    )  # fmt: skip
    assert len(plan.downloads) == 3
    assert plan.stages[:4] == (
        "check the plan", "fine-tune the teacher", "save the teacher 2", "distil assistant 1",
    )  # fmt: skip


def test_each_is_cut_from_and_taught_by_the_one_before(recipe: Make) -> None:
    made = steps(
        recipe(
            distill={
                "mode": "mutual",
                "layer_map": [[1, 2]],
                "assistants": [{"layers": 3}],
                "generations": 3,
            }
        )
    )
    told = [(s.name, s.parent, s.teachers, s.distill.mode, s.distill.layer_map) for s in made]
    assert told == [
        ("assistant-1", "teacher", ("teacher",), "offline", "uniform"),
        ("generation-1", "assistant-1", ("assistant-1",), "mutual", ((1, 2),)),
        ("generation-2", "assistant-1", ("generation-1",), "mutual", "uniform"),
        ("student", "assistant-1", ("generation-2",), "mutual", "uniform"),
    ]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"distill": {"weights": {"hidden_cosine": 0.0}}}, id="offline"),
        pytest.param(
            {"distill": {"mode": "mutual", "adversarial": {}}, "pretrain": {"epochs": 1}},
            id="mutual with pretraining",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_two_processes_make_what_one_makes(recipe: Make, tmp_path: Path, more: dict[str, Any]) -> None:
    """At the same global batch: the same curve, to the accuracy of sums in another order."""
    still = {"teacher": {"finetune": {"dropout": 0.0}}, "distill": {"dropout": 0.0}}
    made = recipe(**laid_over(still, more))
    one = train_models(prepare(made, tmp_path / "one"))
    (tmp_path / "recipe.yaml").write_text(to_yaml(made))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    run = ["-m", "edgekit", "run", "recipe.yaml", "--out", "two", "--json"]
    done = subprocess.run(
        [*command, *run],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rejected"] == [], "one process alone prints"
    for name, trained in zip(("teacher", "student"), one, strict=False):
        record = json.loads((tmp_path / f"two/.edgekit/stages/{name}.json").read_text())
        assert trained is not None
        losses = [p.train_loss for p in trained.curve]
        others = [p["train_loss"] for p in record["result"]["curve"]]
        # Means over tokens, and a batch's mean of what it learned from, depend on how rows are dealt out.
        assert others == pytest.approx(losses, rel=0.1 if "mode" in more["distill"] else 1e-3)
