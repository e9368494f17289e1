"""A decoder's recipe from plain text to a report, on the loop that all recipes share."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from edgekit.errors import EdgekitError, ModelError, RecipeError
from edgekit.files import read_json
from edgekit.generation import generate
from edgekit.models.decoders.load import load_decoder
from edgekit.pipeline import plan_run, prepare, run_recipe, train_models
from edgekit.recipe.mapping import recipe_from_mapping
from edgekit.recipe.schema import Recipe
from edgekit.stages.language_results import score_decoders
from edgekit.types import CurvePoint
from tests.decoder_examples import save_decoder

Make = Callable[..., Recipe]
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "dog", "ran", "far", "from", "naïve", "café"]


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {
        key: merged(base.get(key, {}), value)
        if isinstance(value, dict) and key not in ("weights",)
        else value
        for key, value in {**base, **more}.items()
    } | {key: value for key, value in base.items() if key not in more}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A maker of recipes on a random decoder; settings are laid over one that trains in a second."""
    folder = tmp_path_factory.mktemp("language")
    drawn = random.Random(0)
    lines = [" ".join(drawn.choices(WORDS, k=drawn.randint(3, 16))) for _ in range(100)]
    (folder / "texts.txt").write_text("\n".join(lines[:80]), encoding="utf-8")
    (folder / "more.txt").write_text("\n".join(lines[70:]), encoding="utf-8")  # ten of them again
    save_decoder(folder / "teacher")

    def make(**more: Any) -> Recipe:
        base = {
            "name": "tiny",
            "task": "text-generation",
            "device": "cpu",
            "precision": "fp32",
            "data": {
                "source": {"path": str(folder / "texts.txt")},
                "unlabelled": [{"source": {"path": str(folder / "more.txt")}}],
                "format": "text",
                "max_length": 32,
            },
            "teacher": {"model": {"path": str(folder / "teacher")}},
            "student": {"layers": 2},
            "distill": {"epochs": 2, "batch_size": 8, "learning_rate": 3e-3, "cache_top_k": 16},
            "benchmark": {"bootstrap": 100},
        }
        return recipe_from_mapping(merged(base, more), origin="test")

    return make


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("language-run") / "out"


def test_from_text_to_a_verified_artifact_and_a_report(recipe: Make, out: Path) -> None:
    exports = [{"target": "onnxruntime", "precisions": ["fp32"], "decoder": {"context": 48}}]
    exported = recipe(exports=exports, kits=["web"])
    result = run_recipe(exported, out=out, command="edgekit run tiny")
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    teacher, student, alone = (report[name] for name in ("teacher", "student", "label_only"))
    assert student["parameters"] == alone["parameters"] < teacher["parameters"]
    assert 0 < student["kl"]["value"] < alone["kl"]["value"]
    assert report["kl_gain"]["low"] > 0
    assert report["kl_gain"]["value"] == pytest.approx(alone["kl"]["value"] - student["kl"]["value"])
    assert teacher["kl"] is None and len(student["curve"]) == 4
    assert student["perplexity"]["low"] < student["perplexity"]["value"] < student["perplexity"]["high"]
    [artifact] = report["artifacts"]
    assert artifact["parity"]["mean_kl"] < 1e-4 and not artifact["rejected_because"]
    assert read_json(out / artifact["path"] / "genai_config.json")["model"]["context_length"] == 48
    assert artifact["parity"]["stored"]["weights"] > 10 and not artifact["parity"]["failures"]
    assert sum(report["documents"].values()) == 80 + 20
    text = (out / "report.md").read_text(encoding="utf-8")
    assert result.headline in text.replace("\\", "") and "| Texts alone (" in text
    [row] = report["speeds"]["rows"]
    assert row["model"] == artifact["name"] and row["decode"]["share"] > 0
    assert report["speeds"]["settings"]["prompts"] == [24]  # half of the context: the usual ones don't fit
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 6 and "Speed on this machine" in page
    [kit] = report["kits"]
    assert (kit["path"], kit["artifact"]) == ("kits/web", artifact["name"]) and len(kit["use"]) == 3
    manifest = read_json(out / "kits/web/manifest.json")
    assert manifest["model"]["sha256"] == artifact["sha256"] and manifest["generation"]["context"] == 48
    again = run_recipe(exported, out=out)
    assert all(stage["reused"] for stage in again.report.stages)  # type: ignore[union-attr]


def test_the_student_opens_anywhere_with_the_same_logits(recipe: Make, out: Path) -> None:
    prepared = prepare(recipe(), out)
    _, student, _ = train_models(prepared)
    plain = AutoModelForCausalLM.from_pretrained(student.path)
    own = load_decoder(student.path, context=16)
    ids = torch.tensor([own.processor("the cat sat on the mat")["input_ids"][:8]])
    mask = torch.full((ids.shape[1],) * 2, -3e4).triu(1)[None, None]
    with torch.no_grad():
        assert torch.allclose(own.decoder(ids.int(), mask), plain(ids).logits, atol=1e-4)
    assert plain.config.num_hidden_layers == 2
    assert own.processor.model_max_length > 32  # a block is no limit of a text


def test_a_stopped_run_goes_on_to_the_same_weights(recipe: Make, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(point: CurvePoint) -> None:
        if point.epoch > 1:
            raise Stopped

    plan = recipe(
        distill={
            "checkpoint_every_s": 1e-6,
            "on_policy": {"share": 0.3, "prompt_tokens": 6, "new_tokens": 4},
            "weights": {"labels": 0.5, "soft_targets": 0, "hidden_cosine": 0, "jensen_shannon": 1.0},
        },
        baselines={"label_only": False},
    )
    whole = train_models(prepare(plan, tmp_path / "whole"))[1]
    stopped = prepare(plan, tmp_path / "stopped")
    stopped.watch = stop
    with pytest.raises(Stopped):
        train_models(stopped)
    assert list((tmp_path / "stopped/.edgekit/checkpoints/student").iterdir())
    resumed = train_models(prepare(plan, tmp_path / "stopped"))[1]
    assert resumed.sha256 == whole.sha256
    assert [p.train_loss for p in resumed.curve] == pytest.approx([p.train_loss for p in whole.curve])


def test_the_teacher_writes_once_and_the_student_learns_it(recipe: Make, tmp_path: Path) -> None:
    written = {"texts": 20, "prompt_tokens": 4, "new_tokens": 6}
    plan = recipe(distill={"epochs": 1, "teacher_texts": written}, baselines={"label_only": False})
    context = prepare(plan, tmp_path)
    student = train_models(context)[1]
    texts = json.loads((tmp_path / ".edgekit/stages/texts-teacher.json").read_text())["result"]
    assert 0 < len(texts) <= 20 and all(4 <= len(ids) <= 10 for ids in texts)
    begun = context.processor(list(context.splits.train.inputs))["input_ids"]
    assert {tuple(ids[:4]) for ids in texts} <= {tuple(ids[:4]) for ids in begun}
    steps = -(-(len(context.rows_for(context.processor)) + sum(map(len, texts)) // 32) // 8)
    assert abs(student.curve[-1].step - steps) <= 1
    again = prepare(plan, tmp_path)
    train_models(again)
    assert all(stage.reused for stage in again.store.runs)


def test_another_tokenizer_is_refused_before_anything_is_trained(recipe: Make, tmp_path: Path) -> None:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    other = save_decoder(tmp_path / "other")
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(["wholly other words"] * 9, vocab_size=270, special_tokens=["<|end|>"])
    PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, eos_token="<|end|>").save_pretrained(other)
    plan = recipe(student={"model": {"path": str(other)}})
    with pytest.raises(ModelError, match="different tokenizers"):
        train_models(prepare(plan, tmp_path / "out"))
    assert not (tmp_path / "out/teacher").exists()


def test_a_plan_names_what_is_done_and_written(recipe: Make) -> None:
    plan = plan_run(recipe(exports=[{"target": "onnxruntime", "precisions": ["fp32", "int4"]}]))
    assert "fit TF-IDF + logistic regression" not in plan.stages
    assert {"student/onnxruntime/", "student/onnxruntime-int4/", "report.md"} <= set(plan.writes)
    assert "report.html" in plan.writes and "benchmark the exports, interleaved" in plan.stages


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"distill": {"weights": {"hidden_cosine": 1.0}}}, "not by hidden_cosine"),
        ({"distill": {"temperature": 2.0}}, "no temperature but 1"),
        ({"distill": {"mode": "mutual"}}, "distill.mode"),
        ({"student": {"embedding_rank": 16}}, "student.embedding_rank"),
        (
            {
                "student": {"hidden_size": 40},
                "exports": [{"target": "onnxruntime", "precisions": ["fp32", "int4"]}],
            },
            "in parts of 16, which student.hidden_size 40 is no multiple of; use 32",
        ),
        (
            {
                "student": {"intermediate_size": 80},
                "exports": [
                    {"target": "coreml", "precisions": ["int4"], "minimum_deployment_target": "iOS18"}
                ],
            },
            "use 64",
        ),
        ({"student": {"quantization_aware": True}}, "student.quantization_aware"),
        (
            {"distill": {"weights": {"labels": 1.0, "soft_targets": 0, "hidden_cosine": 0}, "on_policy": {}}},
            "correct",
        ),
        ({"data": {"separator": "(a)"}}, "group"),
        ({"data": {"separator": "["}}, "regular expression"),
        ({"task": "masked-lm"}, "data.format: text"),
        ({"kits": ["swift"]}, "kits: swift carries a decoder that was exported for coreml"),
        (
            {
                "kits": ["web"],
                "exports": [
                    {"target": "onnxruntime", "precisions": ["int4"], "decoder": {"kv_cache": "int8"}}
                ],
            },
            "decoder.kv_cache: int8; leave that out, or web out of kits",
        ),
    ],
)
def test_what_a_decoder_cannot_have_is_refused_by_name(
    recipe: Make, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(RecipeError) as refused:
        recipe(**change)
    assert said in str(refused.value)


def test_lazy_updates_are_refused(recipe: Make, tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match="every token of a decoder's table"):
        train_models(prepare(recipe(distill={"embedding_updates": "lazy"}), tmp_path / "out"))


CUT = {"layers": 2, "heads": 2, "intermediate_size": 64, "hidden_size": 48, "vocabulary": {"size": 264}}


def test_a_student_cut_along_every_dimension(recipe: Make, tmp_path: Path) -> None:
    """From the recipe to a verified file, under a teacher that has more tokens and writes texts as well."""
    plan = recipe(
        student=CUT,
        distill={"teacher_texts": {"texts": 12, "prompt_tokens": 4, "new_tokens": 6}},
        exports=[{"target": "onnxruntime", "precisions": ["fp32"], "decoder": {"context": 48}}],
    )
    run_recipe(plan, out=tmp_path / "out")
    report = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))
    teacher, student, alone = (report[name] for name in ("teacher", "student", "label_only"))
    assert student["vocabulary"] == 264 < teacher["vocabulary"]
    assert student["parameters"] == alone["parameters"] < teacher["parameters"] / 2
    assert 0 < student["kl"]["value"] < alone["kl"]["value"]
    assert 0.5 < student["compared"] < 1, "some words must have lost their tokens"
    [artifact] = report["artifacts"]
    assert artifact["parity"]["mean_kl"] < 1e-4 and not artifact["rejected_because"]
    opened = load_decoder(tmp_path / "out/student", context=16)
    text = "the naïve cat sat; 日本 ✓"
    assert opened.processor.decode(opened.processor(text)["input_ids"]) == text
    assert "kept 264 of its teacher’s" in (tmp_path / "out/report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("cache", [None, 16])
def test_tokens_alone_are_lost_without_a_divergence(recipe: Make, tmp_path: Path, cache: int | None) -> None:
    """Texts keep their tokens, and the student says what its teacher says of them, given that it has them."""
    plan = recipe(
        student={"layers": 3, "vocabulary": {}},
        distill={
            "epochs": 1,
            "learning_rate": 1e-12,
            "weights": {"labels": 0, "soft_targets": 1.0, "hidden_cosine": 0},
            "cache_top_k": cache,
        },
        baselines={"label_only": False},
    )
    context = prepare(plan, tmp_path)
    teacher, student, _ = train_models(context)
    assert student.parameters < teacher.parameters
    assert abs(student.curve[-1].train_loss) < 1e-5
    sums = score_decoders(context, [teacher, student])["student"]
    assert sum(sums["kl"]) < 1e-3 and sums["same"] == sums["compared"]
    # Held-out texts have no word that training has not.
    assert sums["own"] == sums["tokens"] == sums["compared"]
    before, after = (load_decoder(one.path, context=48) for one in (teacher, student))
    assert len(after.processor) < len(before.processor)
    assert generate(student.path, "the cat sat on a mat", tokens=8).ids


def test_a_vocabulary_learns_on_policy(recipe: Make, tmp_path: Path) -> None:
    plan = recipe(
        student={"layers": 2, "vocabulary": {"size": 264}},
        distill={
            "epochs": 1,
            "on_policy": {"share": 1.0, "prompt_tokens": 4, "new_tokens": 4},
            "weights": {"labels": 0.2, "soft_targets": 0, "hidden_cosine": 0, "jensen_shannon": 1.0},
        },
        baselines={"label_only": False},
    )
    student = train_models(prepare(plan, tmp_path))[1]
    assert 0 < student.curve[-1].train_loss < 1


def test_distil_takes_a_decoder_and_plain_texts(recipe: Make, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from edgekit.cli.main import main

    given = recipe()
    words = ["distill", str(given.teacher.model.path), "--data", str(given.data.source.path), "--json", "-q"]
    words += ["--task", "text-generation", "--layers", "2", "--epochs", "1", "--max-length", "32"]
    words += ["--set", "student.intermediate_size=64", "--set", "student.vocabulary={size: 264}"]
    words += ["--no-baselines", "--out", str(tmp_path / "out")]
    told = CliRunner().invoke(main, words, prog_name="edgekit")
    assert told.exit_code == 0, told.output
    report = json.loads(told.stdout)["report"]
    assert report["student"]["vocabulary"] == 264 and report["documents"]["train"] == 64
    assert report["student"]["kl"]["value"] > 0
