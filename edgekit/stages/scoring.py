"""Scores on the test split: what the teacher knows, and what the student, labels alone and TF-IDF reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.files import atomic
from edgekit.stages.context import Context
from edgekit.stages.training import load_trained
from edgekit.types import Interval, Trained

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@dataclass(frozen=True, slots=True)
class Scores:
    """Accuracy with 95 % intervals, 0–1; None for a baseline that was switched off."""

    teacher: Interval
    student: Interval
    retained: Interval | None  # None when the teacher has no row right
    label_only: Interval | None
    tfidf: Interval | None
    gain_over_label_only: Interval | None  # points


def test_logits(context: Context, trained: Trained) -> np.ndarray:
    """PyTorch fp32 logits of every test row at batch 1, `[N, C]`; computed once per set of weights."""
    import numpy as np

    path = context.store.private / "logits" / f"{trained.name}.npy"

    def make(key: str) -> dict[str, int]:
        from edgekit.runtimes.pytorch import PyTorchRunner
        from edgekit.verify.outputs import run_rows

        model = load_trained(context, trained)
        threads = context.recipe.benchmark.threads
        runner = PyTorchRunner(model.module.to("cpu"), model.signature, threads=threads)
        logits = run_rows(
            runner,
            context.test_rows,
            pad_id=context.processor.pad_token_id,
            title=f"Score {trained.name} (PyTorch)",
        )
        _save_array(path, logits)
        return {"rows": len(logits)}

    context.store.run(
        f"logits-{trained.name}",
        inputs={"weights": trained.sha256, "data": context.splits.fingerprint, "length": context.max_length},
        outputs=[path],
        make=make,
        title=f"Score {trained.name}",
    )
    return np.load(path, allow_pickle=False)


def tfidf_correct(context: Context) -> np.ndarray:
    """Which test rows TF-IDF + logistic regression has right, bool `[N]`."""
    import numpy as np

    def make(key: str) -> list[int]:
        from edgekit.distill.tfidf import tfidf_predictions

        splits = context.splits
        return [int(p) for p in tfidf_predictions(splits.train, splits.test.inputs, seed=context.recipe.seed)]

    predicted: Sequence[int] = context.store.run(
        "tfidf",
        inputs={"data": context.splits.fingerprint, "seed": context.recipe.seed},
        make=make,
        title="Fit TF-IDF + logistic regression",
    )
    return np.asarray(predicted) == np.asarray(context.splits.test.labels)


def score(context: Context, teacher: Trained, student: Trained, label_only: Trained | None) -> Scores:
    """Accuracy of each, with paired intervals against the teacher and against labels alone."""
    import numpy as np

    from edgekit.benchmark.bootstrap import accuracy_interval, paired_difference, paired_retention

    recipe = context.recipe
    resamples, seed = recipe.benchmark.bootstrap, recipe.seed
    truth = np.asarray(context.splits.test.labels)

    def correct(trained: Trained) -> np.ndarray:
        return test_logits(context, trained).argmax(-1) == truth

    taught, learned = correct(teacher), correct(student)
    alone = correct(label_only) if label_only else None
    gain = None
    if alone is not None:
        difference = paired_difference(learned.astype(float), alone.astype(float), resamples, seed)
        gain = Interval(100 * difference.value, 100 * difference.low, 100 * difference.high)
    return Scores(
        teacher=accuracy_interval(taught, resamples, seed),
        student=accuracy_interval(learned, resamples, seed),
        retained=paired_retention(learned, taught, resamples, seed) if taught.any() else None,
        label_only=accuracy_interval(alone, resamples, seed) if alone is not None else None,
        tfidf=accuracy_interval(tfidf_correct(context), resamples, seed) if recipe.baselines.tfidf else None,
        gain_over_label_only=gain,
    )


def _save_array(path: Path, array: np.ndarray) -> None:
    import numpy as np

    with atomic(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
