"""What every contestant of distillation_speed.py gets and gives; knows nothing of edgekit.

A contestant reads the teacher, the untrained student (Hub layout) and the same texts, trains for the same
epochs with the same settings, and writes one JSON file.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

BATCH_SIZE = 32
MAX_LENGTH = 128  # tokens
LEARNING_RATE = 1e-4
WEIGHT_DECAY = 0.01
WARMUP_RATIO = 0.1
MAX_GRAD_NORM = 1.0
TEMPERATURE = 2.0
SOFT_WEIGHT = 1.0  # of KL(teacher ‖ student) · T²
LABEL_WEIGHT = 0.5


@dataclass
class Clock:
    """Wall and CPU seconds of the training, the teacher's part included."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    epoch_seconds: list[float] = field(default_factory=list)


@contextmanager
def measured(clock: Clock) -> Iterator[None]:
    """Adds what the body takes."""
    before, started = _cpu_seconds(), time.perf_counter()
    yield
    clock.seconds += time.perf_counter() - started
    clock.cpu_seconds += _cpu_seconds() - before


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class Task:
    """One contest."""

    teacher: Any
    student: Any
    tokenizer: Any
    train: dict[str, list[Any]]  # "texts" and "labels"
    test: dict[str, list[Any]]
    batches: list[list[list[int]]]  # per epoch, rows of similar length; a contestant may have its own
    epochs: int
    options: argparse.Namespace

    @property
    def steps(self) -> int:
        return self.epochs * -(-len(self.train["texts"]) // BATCH_SIZE)

    def encode(self, texts: list[str], *, padded: bool = False) -> Any:
        """Token ids of texts, each row as long as its text, or all padded to 128."""
        return self.tokenizer(
            texts, truncation=True, max_length=MAX_LENGTH, padding="max_length" if padded else False
        )


def task(**flags: Any) -> Task:
    """The contest that the command line names.

    Args:
        flags: the contestant's own options and their argparse settings.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("contest", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    for name, settings in flags.items():
        parser.add_argument(f"--{name}", **settings)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    folder = options.contest
    return Task(
        teacher=AutoModelForSequenceClassification.from_pretrained(folder / "teacher").eval(),
        student=AutoModelForSequenceClassification.from_pretrained(folder / "student"),
        tokenizer=AutoTokenizer.from_pretrained(folder / "teacher"),
        epochs=options.epochs,
        options=options,
        **json.loads((folder / "data.json").read_text(encoding="utf-8")),
    )


def finish(task: Task, clock: Clock, **versions: str) -> None:
    """Scores the student and writes the result."""
    write(
        task.options.result,
        clock,
        samples=task.epochs * len(task.train["texts"]),
        accuracy=accuracy(task.student, task.tokenizer, task.test),
        versions=versions,
    )


def write(path: Path, clock: Clock, *, samples: int, accuracy: float, versions: dict[str, str]) -> None:
    """One contestant's JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "samples": samples,
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
        "epoch_seconds": clock.epoch_seconds,
        "accuracy": accuracy,
        "versions": versions,
    }
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


def accuracy(module: Any, tokenizer: Any, rows: dict[str, list[Any]]) -> float:
    """Share of rows that get their label, in fp32."""
    module.eval().float()
    right = 0
    with torch.inference_mode():
        for start in range(0, len(rows["texts"]), 64):
            inputs = tokenizer(
                rows["texts"][start : start + 64],
                truncation=True,
                max_length=MAX_LENGTH,
                padding=True,
                return_tensors="pt",
            )
            truth = torch.tensor(rows["labels"][start : start + 64])
            right += int((module(**inputs).logits.argmax(-1) == truth).sum())
    return right / len(rows["texts"])
