"""The loop learns, resumes bit for bit after SIGKILL, and stops on a loss that is not finite."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edgekit.data.batching import length_buckets
from edgekit.data.tokens import tokenise
from edgekit.distill import checkpoint
from edgekit.distill.device import Placement, place
from edgekit.distill.loop import Job, learning_rate_at, train
from edgekit.distill.teacher import ask
from edgekit.errors import TrainingError
from edgekit.models.load import load_model
from edgekit.models.student import build_student
from edgekit.recipe.schema import LossWeights, Training
from edgekit.types import Source
from tests.conftest import reviews

WORKER = Path(__file__).parent / "kill_worker.py"


@pytest.fixture
def job(tiny_classifier: Path, tmp_path: Path) -> Job:
    """Fine-tuning the tiny classifier on the reviews."""
    model = load_model(Source("tiny", "0" * 64, tiny_classifier), name="teacher")
    rows = tokenise(model.processor, [text for text, _ in reviews()], 32)
    labels = [int(label == "positive") for _, label in reviews()]
    picked = list(range(len(rows)))
    random.Random(0).shuffle(picked)
    train_ids, validation_ids = picked[:240], picked[240:]
    lengths = [len(rows[i]["input_ids"]) for i in train_ids]
    return Job(
        title="teacher",
        model=model,
        teacher=None,
        rows=[rows[i] for i in train_ids],
        labels=[labels[i] for i in train_ids],
        validation_rows=[rows[i] for i in validation_ids],
        validation_labels=[labels[i] for i in validation_ids],
        batches=lambda epoch: length_buckets(lengths, 16, seed=0, epoch=epoch),
        config=Training(epochs=4, batch_size=16, learning_rate=3e-3),
        weights=LossWeights(soft_targets=0, labels=1, hidden_cosine=0),
        temperature=1.0,
        seed=0,
        placement=Placement("cpu", "fp32"),
        checkpoint_folder=tmp_path / "checkpoint",
        key="k",
    )


def test_fine_tuning_learns_and_keeps_the_best_weights(job: Job) -> None:
    outcome = train(job)
    assert outcome.best_score > 0.9
    assert outcome.best_score == max(p.validation_score for p in outcome.curve)
    assert [p.step for p in outcome.curve][-1] == 60
    assert outcome.curve[-1].train_loss < outcome.curve[0].train_loss


def test_a_student_learns_from_soft_targets_alone(job: Job) -> None:
    train(job)
    student = build_student(job.model, layers=2, select="uniform", name="student")
    student.module.classifier.reset_parameters()
    taught = replace(
        job,
        title="student",
        model=student,
        teacher=job.model,
        labels=[0] * len(job.labels),  # wrong labels: only the teacher can teach this
        weights=LossWeights(soft_targets=1.0, labels=0.0, hidden_cosine=0.5),
        temperature=2.0,
        checkpoint_folder=job.checkpoint_folder / "student",
    )
    assert train(taught).best_score > 0.9


def test_a_remembered_answer_equals_a_live_one(job: Job) -> None:
    from contextlib import nullcontext

    from edgekit.batches import chosen_rows, pad_rows

    module, pad_id = job.model.module.eval(), job.model.processor.pad_token_id

    def collate(rows):
        return {k: torch.from_numpy(v) for k, v in pad_rows(rows, job.model.signature, pad_id=pad_id).items()}

    teacher = ask(module, job.rows, collate=collate, autocast=nullcontext, hidden=True, title="")
    indices = [5, 0, 17]
    inputs = collate(chosen_rows(job.rows, indices))
    answer = teacher(indices, inputs)
    with torch.no_grad():
        out = module(**inputs, output_hidden_states=True)
    assert torch.allclose(answer.logits, out.logits, atol=1e-5)
    real = inputs["attention_mask"].bool()
    assert torch.allclose(answer.hidden[real], out.hidden_states[-1][real], atol=2e-2)  # bf16
    assert answer.hidden[~real].abs().sum() == 0


def run_worker(teacher: Path, work: Path, *, kill_after: int | None) -> list[str]:
    """Lines the worker printed; with `kill_after` it gets SIGKILL after that many of its steps."""
    process = subprocess.Popen(
        [sys.executable, str(WORKER), str(teacher), str(work)], stdout=subprocess.PIPE, text=True
    )
    lines: list[str] = []
    steps = 0
    assert process.stdout
    for line in process.stdout:
        lines.append(line.strip())
        steps += line.startswith("step")
        if kill_after is not None and steps >= kill_after:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    return lines


def test_a_run_killed_at_any_point_ends_with_the_same_weights(tiny_classifier: Path, tmp_path: Path) -> None:
    whole = run_worker(tiny_classifier, tmp_path / "whole", kill_after=None)[-1]
    assert whole.startswith("weights ")
    work = tmp_path / "killed"
    resumed = False
    for kill_after in (9, 14, 8):
        lines = run_worker(tiny_classifier, work, kill_after=kill_after)
        resumed |= any("continuing at step" in line for line in lines)
    last = run_worker(tiny_classifier, work, kill_after=None)
    assert resumed and any("continuing at step" in line for line in last)
    assert last[-1] == whole, "bit for bit: the weights and the curve"


@pytest.mark.slow
def test_twenty_random_kills(tiny_classifier: Path, tmp_path: Path) -> None:
    whole = run_worker(tiny_classifier, tmp_path / "whole", kill_after=None)[-1]
    random_ = random.Random(7)
    work = tmp_path / "killed"
    for _ in range(20):
        lines = run_worker(tiny_classifier, work, kill_after=random_.randint(1, 12))
        if lines and lines[-1].startswith("weights"):
            break
    assert run_worker(tiny_classifier, work, kill_after=None)[-1] == whole


def test_a_loss_that_is_not_finite_stops_with_a_remedy_and_keeps_the_checkpoint(job: Job) -> None:
    first = replace(job, config=Training(epochs=1, batch_size=16, checkpoint_every_s=0.001))
    train(first)
    kept = (job.checkpoint_folder / "state.json").read_bytes()
    job.model.module.classifier.weight.data.fill_(float("nan"))
    broken = replace(job, key="other")
    with pytest.raises(TrainingError, match="not finite") as caught:
        train(broken)
    assert "learning rate" in caught.value.remedy
    assert (job.checkpoint_folder / "state.json").read_bytes() == kept


def test_a_damaged_checkpoint_says_so(job: Job) -> None:
    train(replace(job, config=Training(epochs=1, batch_size=16, checkpoint_every_s=0.001)))
    weights = job.checkpoint_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(TrainingError, match="damaged"):
        train(replace(job, config=Training(epochs=1, batch_size=16)))


def test_a_checkpoint_of_another_job_is_not_resumed(job: Job) -> None:
    train(replace(job, config=Training(epochs=1, batch_size=16, checkpoint_every_s=0.001)))
    optimizer = torch.optim.AdamW(job.model.module.parameters())
    module = job.model.module
    assert checkpoint.resume(job.checkpoint_folder, key="another", module=module, optimizer=optimizer) is None


def test_the_learning_rate_warms_up_and_decays_to_zero() -> None:
    config = Training(learning_rate=1.0, warmup_ratio=0.1)
    rates = [learning_rate_at(s, total=100, config=config) for s in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0) and rates.index(max(rates)) in (9, 10)
    assert rates[-1] == pytest.approx(1 / 90)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(TrainingError, match="'cuda' was asked for"):
        place("cuda")
    assert place("auto", "fp32").precision == "fp32"
