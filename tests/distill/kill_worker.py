"""Trains a tiny student in a process of its own, so that a test can kill it. Not a test itself.

python kill_worker.py MODEL_FOLDER WORK_FOLDER '{"optimizer": "prodigy"}' [PRECISION]
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgekit import progress
from edgekit.batches import by_length
from edgekit.data.batching import length_buckets
from edgekit.data.tokens import tokenise
from edgekit.distill import processes
from edgekit.distill.collate import Collator
from edgekit.distill.device import Placement
from edgekit.distill.distiller import Distiller
from edgekit.distill.knowledge import Batch
from edgekit.distill.loop import Job, train
from edgekit.files import sha256_json
from edgekit.models.load import load_model
from edgekit.recipe.schema import Training
from edgekit.tasks import get_task
from edgekit.types import Source
from tests.announce import Announce
from tests.conftest import reviews


class Remembering(Distiller):
    """Learns from labels, with a module of its own, and a running mean of weights that pulls it back."""

    def __init__(self, student: Any) -> None:
        super().__init__()
        self.student = student
        self.projection = torch.nn.Linear(2, 2)
        self.register_buffer("mean", student.classifier.weight.detach().clone())
        self.register_buffer("epochs", torch.zeros(()))

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        logits = self.student(**batch.inputs).logits
        pull = (self.student.classifier.weight - self.mean).square().sum()
        return {
            "labels": torch.nn.functional.cross_entropy(logits.float(), batch.labels),
            "projected": 0.5
            * torch.nn.functional.cross_entropy(self.projection(logits).float(), batch.labels),
            "pull": 0.1 * (1 + self.epochs) * pull,
        }

    def stepped(self, step: int) -> None:
        self.mean.lerp_(self.student.classifier.weight.detach(), 0.1)

    def epoch_ended(self, epoch: int) -> None:
        self.epochs.fill_(epoch)


def make_job(
    model_folder: Path, work: Path, *, distiller: Any = Remembering, precision: str = "fp32", **config: Any
) -> Job:
    """Trains the tiny classifier on 256 reviews; the other 44 judge it."""
    model = load_model(Source("tiny", "0" * 64, model_folder), name="student")
    shuffled = random.Random(0).sample(reviews(), k=len(reviews()))
    rows = tokenise(model.processor, [text for text, _ in shuffled], 32)
    labels = [int(label == "positive") for _, label in shuffled]
    lengths = [len(row["input_ids"]) for row in rows[:256]]
    settings = Training(**({"epochs": 2, "batch_size": 16, "learning_rate": 3e-3} | config))
    if settings.dropout is not None:
        for module in model.module.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = settings.dropout
    torch.manual_seed(0)
    collate = Collator(
        rows,
        labels,
        get_task("text-classification"),
        signature=model.signature,
        pad_id=model.processor.pad_token_id,
        device="cpu",
    )

    def judge(module: Any, autocast: Any, device: Any) -> float:
        right = 0
        with torch.inference_mode(), autocast():
            for places in by_length(rows[256:], 64):
                batch = collate([256 + i for i in places])
                right += int((module(**batch.inputs).logits.argmax(-1) == batch.labels).sum())
        return right / len(rows[256:])

    return Job(
        title="student",
        model=model,
        distiller=distiller(model.module),
        collate=collate,
        batches=lambda epoch: length_buckets(lengths, settings.batch_size, seed=0, epoch=epoch),
        judge=judge,
        config=settings,
        seed=0,
        placement=Placement("cpu", precision),
        checkpoint_folder=work / "checkpoint",
        log_folder=work / "log",
        key="job",
    )


def main(model_folder: str, work: str, config: str = "{}", precision: str = "fp32") -> None:
    torch.set_num_threads(1)
    print("process", processes.rank(), os.getpid(), flush=True)
    if processes.is_main():
        progress.listen(Announce())
    settings = {"checkpoint_every_s": 0.01} | json.loads(config)
    job = make_job(Path(model_folder), Path(work), precision=precision, **settings)
    outcome = train(job)
    weights = {k: v.numpy().tobytes().hex() for k, v in job.distiller.state_dict().items()}
    curve = [[p.step, p.train_loss, p.validation_score] for p in outcome.curve]
    if processes.is_main():
        print("curve", json.dumps(curve), flush=True)
        print("weights", sha256_json(weights), sha256_json(curve), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
