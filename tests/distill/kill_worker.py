"""Trains a tiny student in a process of its own, so that a test can kill it. Not a test itself."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from edgekit import progress
from edgekit.data.batching import length_buckets
from edgekit.data.tokens import tokenise
from edgekit.distill.device import Placement
from edgekit.distill.loop import Job, train
from edgekit.files import sha256_json
from edgekit.models.load import load_model
from edgekit.models.student import build_student
from edgekit.recipe.schema import Distill, LossWeights
from edgekit.types import Source

sys.path.insert(0, str(Path(__file__).parents[1]))
from conftest import reviews


class _Announce:
    """Prints each finished step, so that the test knows when to strike."""

    def bar(self, title, total, unit):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def advance(self, amount=1):
        print("step", flush=True)

    def note(self, text):
        return None

    def say(self, text):
        print(text, flush=True)


def main(teacher_folder: str, work: str, *, epochs: int = 2) -> None:
    torch.set_num_threads(1)
    progress.listen(_Announce())
    teacher = load_model(Source("tiny", "0" * 64, Path(teacher_folder)), name="teacher")
    student = build_student(teacher, layers=2, select="uniform", name="student")
    rows = tokenise(teacher.processor, [text for text, _ in reviews()], 32)
    labels = [int(label == "positive") for _, label in reviews()]
    lengths = [len(r["input_ids"]) for r in rows]
    config = Distill(epochs=epochs, batch_size=16, learning_rate=1e-3, checkpoint_every_s=0.01)
    outcome = train(
        Job(
            title="student",
            model=student,
            teacher=teacher,
            rows=rows[:256],
            labels=labels[:256],
            validation_rows=rows[256:],
            validation_labels=labels[256:],
            batches=lambda epoch: length_buckets(lengths[:256], 16, seed=0, epoch=epoch),
            config=config,
            weights=LossWeights(),
            temperature=2.0,
            seed=0,
            placement=Placement("cpu", "fp32"),
            checkpoint_folder=Path(work) / "checkpoint",
            key="job",
        )
    )
    weights = {k: v.numpy().tobytes().hex() for k, v in student.module.state_dict().items()}
    curve = [[p.step, p.train_loss, p.validation_score] for p in outcome.curve]
    print("weights", sha256_json(weights), sha256_json(curve), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
