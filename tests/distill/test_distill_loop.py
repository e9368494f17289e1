"""The loop learns, keeps the best weights, and its result does not depend on how a batch is cut."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from edgekit import progress
from edgekit.distill.device import Placement, place
from edgekit.distill.loop import Job, train
from edgekit.errors import TrainingError
from tests.distill.kill_worker import Remembering, make_job


@pytest.fixture
def job(tiny_classifier: Path, tmp_path: Path):
    """A maker of jobs on the tiny classifier; settings are those of `Training`."""

    def make(folder: str = "work", **settings: Any) -> Job:
        return make_job(tiny_classifier, tmp_path / folder, **settings)

    return make


def weights(job: Job) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in job.distiller.state_dict().items()}


def lines(job: Job) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (job.log_folder / "metrics.jsonl").read_text().splitlines()]


def test_it_learns_and_leaves_the_model_ready_to_use(job) -> None:
    one = job(epochs=3)
    outcome = train(one)
    assert outcome.best_score > 0.95
    assert [p.step for p in outcome.curve] == [8, 16, 24, 32, 40, 48]
    assert outcome.curve[-1].train_loss < outcome.curve[0].train_loss
    assert not one.model.module.training and next(one.model.module.parameters()).device.type == "cpu"
    assert outcome.seconds > 0 and outcome.samples_per_second > 0 and outcome.skipped == 0
    assert one.judge(one.model.module, torch.no_grad, "cpu") == outcome.best_score, "the best weights"


def test_the_last_weights_are_shipped_when_the_recipe_says_so(job) -> None:
    last, best = job("last", keep_best=False, epochs=1), job("best", epochs=1)
    train(last), train(best)
    assert not (last.checkpoint_folder / "best.safetensors").exists()
    assert lines(last)[-1]["validation_score"] == last.judge(last.model.module, torch.no_grad, "cpu")


@pytest.mark.parametrize("rows", [256, 250], ids=["whole", "last group and batch partial"])
def test_accumulating_batches_equals_one_large_batch(job, rows: int) -> None:
    large, small = (
        job("large", epochs=1, dropout=0),
        job("small", epochs=1, gradient_accumulation=3, dropout=0),
    )
    order = list(range(rows))
    cut = [order[i : i + 48] for i in range(0, rows, 48)]
    fine = [b[i : i + 16] for b in cut for i in range(0, len(b), 16)]
    train(replace(large, batches=lambda epoch: cut))
    train(replace(small, batches=lambda epoch: fine))
    for name, value in weights(large).items():
        torch.testing.assert_close(weights(small)[name], value, rtol=1e-4, atol=1e-5)


class _Talker:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.silent = progress.Silent()

    def bar(self, *args):
        return self.silent.bar(*args)

    def say(self, text):
        self.said.append(text)


@pytest.fixture
def said():
    talker = _Talker()
    progress.listen(talker)
    yield talker.said
    progress.listen(talker.silent)


class Cramped(Remembering):
    """Has memory for 5 rows."""

    def forward(self, batch):
        if len(batch.indices) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(batch)


def test_when_memory_runs_out_batches_are_cut_to_the_same_result(job, said) -> None:
    roomy, cramped = job("a", epochs=1, dropout=0), job("b", epochs=1, distiller=Cramped, dropout=0)
    wide, narrow = train(roomy), train(cramped)
    assert said == [
        "student: memory ran out; from now on each batch is computed in 4 pieces, to the same result."
    ]
    assert [p.validation_score for p in narrow.curve] == [p.validation_score for p in wide.curve]
    for one, other in zip(wide.curve, narrow.curve, strict=True):
        assert other.train_loss == pytest.approx(one.train_loss, rel=1e-4)


class Full(Remembering):
    def forward(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_memory_for_not_even_one_row_stops_with_a_remedy(job) -> None:
    with pytest.raises(TrainingError, match="a batch of 1 rows") as caught:
        train(job(distiller=Full))
    assert "gradient_checkpointing" in caught.value.remedy


class Exploding(Remembering):
    """Its loss is not a number for rows below `bad`."""

    bad = 0

    def forward(self, batch):
        terms = super().forward(batch)
        if min(batch.indices) < self.bad:
            terms["labels"] = terms["labels"] * float("nan")
        return terms


def test_a_batch_without_a_finite_loss_is_skipped_and_counted(job, monkeypatch) -> None:
    monkeypatch.setattr(Exploding, "bad", 1)
    outcome = train(job(distiller=Exploding, epochs=3))
    assert outcome.skipped == 3, "row 0 comes once per epoch"
    assert outcome.best_score > 0.9


def test_after_too_many_the_batch_is_kept_and_training_stops(job, monkeypatch) -> None:
    one = job(skip_non_finite=2, distiller=Exploding, checkpoint_every_s=0.001)
    monkeypatch.setattr(Exploding, "bad", 100)
    with pytest.raises(TrainingError, match=r"not finite in 3 steps.*labels nan") as caught:
        train(one)
    assert "learning rate" in caught.value.remedy
    (file,) = one.log_folder.glob("non-finite-*.safetensors")
    assert str(file) in caught.value.fact
    kept = load_file(file)
    again = one.collate(kept["indices"].tolist(), 0)
    assert min(again.indices) < 100
    assert torch.equal(kept["inputs.input_ids"], again.inputs["input_ids"])
    assert torch.equal(kept["labels"], again.labels)


def test_a_gradient_that_is_not_finite_is_skipped_too(job) -> None:
    class Steep(Remembering):
        def forward(self, batch):
            terms = dict(super().forward(batch))
            zero = self.projection.weight.sum() * 0
            terms["steep"] = (
                torch.sqrt(zero.abs()) if 0 in batch.indices else zero
            )  # 0, with an infinite slope
            return terms

    outcome = train(job(distiller=Steep, epochs=1))
    assert outcome.skipped == 1


def test_the_log_has_every_term_and_every_evaluation(job) -> None:
    one = job(epochs=3)
    outcome = train(one)
    told = lines(one)
    assert [line["step"] for line in told if line["kind"] == "train"] == [20, 40]
    scores = [line["validation_score"] for line in told if line["kind"] == "evaluation"]
    assert scores == [p.validation_score for p in outcome.curve]
    first = told[2]
    assert first["kind"] == "train" and first["loss"] == pytest.approx(
        first["labels"] + first["projected"] + first["pull"]
    )
    assert {"epoch", "learning_rate", "samples_per_second", "skipped"} <= set(first)


def test_evaluated_weights_are_kept_newest_last(job) -> None:
    one = job(epochs=2, keep_checkpoints=2, keep_best=False)
    train(one)
    files = sorted((one.log_folder / "checkpoints").iterdir())
    assert [f.name for f in files] == ["step-00000024.safetensors", "step-00000032.safetensors"]
    kept = load_file(files[-1])
    assert all(torch.equal(kept[k], v) for k, v in one.model.module.state_dict().items())


def test_tensorboard_has_the_same_numbers(job) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    one = job(epochs=2, tensorboard=True)
    outcome = train(one)
    seen = events.EventAccumulator(str(one.log_folder / "tensorboard")).Reload()
    scores = [e.value for e in seen.Scalars("evaluation/validation_score")]
    assert scores == pytest.approx([p.validation_score for p in outcome.curve])


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_it_learns_in_half_precision(job, precision: str) -> None:
    one = job(epochs=3, precision=precision)
    assert train(one).best_score > 0.95
    assert {p.dtype for p in one.model.module.parameters()} == {torch.float32}


def test_gradient_checkpointing_changes_nothing_but_memory(job) -> None:
    plain, frugal = job("a", epochs=1), job("b", epochs=1, gradient_checkpointing=True)
    train(plain), train(frugal)
    for name, value in weights(plain).items():
        torch.testing.assert_close(weights(frugal)[name], value)
    assert not frugal.model.module.is_gradient_checkpointing


def test_gradient_checkpointing_of_a_model_that_has_none_is_refused(job) -> None:
    one = job(gradient_checkpointing=True)
    one.model.module.supports_gradient_checkpointing = False
    with pytest.raises(TrainingError, match="gradient_checkpointing is on"):
        train(one)


def test_training_uses_plain_attention_on_a_cpu_and_puts_it_back(job) -> None:
    one = job(epochs=1)
    used: set[str] = set()
    layer = one.model.module.bert.encoder.layer[0]
    layer.register_forward_hook(lambda *_: used.add(one.model.module.config._attn_implementation))
    one.model.module.set_attn_implementation("sdpa")
    train(one)
    assert used == {"eager"} and one.model.module.config._attn_implementation == "sdpa"


@pytest.mark.slow
@pytest.mark.parametrize("updates", ["dense", "lazy"])
def test_a_compiled_student_learns_the_same(job, updates: str) -> None:
    settings = {"epochs": 1, "dropout": 0, "embedding_updates": updates}
    plain, compiled = job("a", **settings), job("b", compile="always", **settings)
    one, other = train(plain), train(compiled)
    for a, b in zip(one.curve, other.curve, strict=True):
        assert b.train_loss == pytest.approx(a.train_loss, rel=1e-4)
    assert compiled.model.module._compiled_call_impl is None


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(TrainingError, match="'cuda' was asked for"):
        place("cuda")
    assert place("auto", "fp32") == Placement("cpu", "fp32")
    with pytest.raises(TrainingError, match="fp16"):
        place("cpu", "fp16")
