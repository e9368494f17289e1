"""Scores on the test split: what the teacher knows, and what the student, labels alone and TF-IDF reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgekit.files import atomic
from edgekit.report.inputs import input_words
from edgekit.scores import decide, root_mean_square_error, statistics
from edgekit.stages.context import Context
from edgekit.stages.training import load_trained
from edgekit.tasks import get_task
from edgekit.types import Interval, Rows, Trained

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@dataclass(frozen=True, slots=True)
class Scores:
    """The task's metric with 95 % intervals, 0–1; None for a baseline that was switched off or can't be."""

    teacher: Interval
    student: Interval
    retained: Interval | None  # None when the teacher scores 0
    label_only: Interval | None
    tfidf: Interval | None
    gain_over_label_only: Interval | None  # points
    tfidf_missing: str = ""  # why this task has no TF-IDF baseline
    # Regression: root mean square error by "teacher", "student", "label_only", "tfidf", in the labels' unit.
    rmse: dict[str, float] = field(default_factory=dict)


def test_set(context: Context, trained: Trained) -> tuple[Rows, Sequence[Any]]:
    """Test rows in a model's own tokens, masks in place, and one truth per row; none for a sentence
    embedding, whose truth is what the teacher answers.
    """
    from edgekit.models.load import load_processor

    return context.judged("test", load_processor(trained.path, uri=trained.name))


def test_truth(context: Context, trained: Trained, teacher: Trained) -> Any:
    """One truth per test row of a model, as `edgekit.scores` takes it."""
    if get_task(context.recipe.task).metric == "cosine":
        return test_logits(context, teacher)
    return test_set(context, trained)[1]


def test_logits(context: Context, trained: Trained) -> Any:
    """PyTorch fp32 outputs of every test row at batch 1; computed once per set of weights.

    Returns:
        `[N, C]`, or N arrays `[L, C]` per token. A masked-lm's logits would fill the disk, so of these there
        are the decisions only: N arrays `[L]` of token ids.
    """
    import numpy as np

    rows, _ = test_set(context, trained)
    task = get_task(context.recipe.task)
    path = context.store.private / "logits" / f"{trained.name}.npy"

    def make(key: str) -> dict[str, int]:
        from edgekit.runtimes.pytorch import PyTorchRunner
        from edgekit.verify.outputs import run_rows

        model = load_trained(context, trained)
        threads = context.recipe.benchmark.threads
        runner = PyTorchRunner(model.module.to("cpu"), model.signature, threads=threads)
        found = run_rows(
            runner,
            rows,
            pad_id=model.processor.pad_token_id,
            title=f"Score {trained.name} (PyTorch)",
            keep=(lambda output: decide(task.name, output)) if _decisions_only(context) else None,
        )
        _save_array(path, np.concatenate(found) if task.per_token else np.asarray(found))
        return {"rows": len(found)}

    context.store.run(
        f"logits-{trained.name}",
        inputs={"weights": trained.sha256, "data": context.splits.fingerprint, "length": context.max_length},
        outputs=[path],
        make=make,
        title=f"Score {trained.name}",
    )
    array = np.load(path, allow_pickle=False)
    if not task.per_token:
        return array
    return np.split(array, np.cumsum([len(row["input_ids"]) for row in rows])[:-1])


def _decisions_only(context: Context) -> bool:
    return get_task(context.recipe.task).metric == "masked_accuracy"


def test_statistics(context: Context, trained: Trained, teacher: Trained) -> np.ndarray:
    """What each test row adds to a model's score, `[N, K]`; see `edgekit.scores`."""
    task, outputs = context.recipe.task, test_logits(context, trained)
    truth = test_truth(context, trained, teacher)
    decided = outputs if _decisions_only(context) else [decide(task, output) for output in outputs]
    return statistics(task, decided, truth, labels=context.splits.label_names)


def tfidf_statistics(context: Context) -> np.ndarray:
    """The same of TF-IDF with a linear model, `[N, K]`; of arrays, of a linear model on plain features."""
    import numpy as np

    splits, task = context.splits, context.recipe.task

    def make(key: str) -> list[Any]:
        if get_task(task).reads != "text":
            from edgekit.stages.plain_features import linear_answers

            return linear_answers(splits, context.recipe)
        from edgekit.distill.tfidf import tfidf_predictions

        found = tfidf_predictions(
            splits.train,
            splits.test.inputs,
            task=task,
            classes=len(splits.label_names),
            seed=context.recipe.seed,
        )
        predicted: list[Any] = found.tolist()
        return predicted

    predicted = context.store.run(
        "tfidf",
        inputs={"data": splits.fingerprint, "seed": context.recipe.seed, **context.rate},
        make=make,
        title=f"Fit {input_words(task).baseline} with a linear model",
    )
    return statistics(task, map(np.asarray, predicted), splits.test.labels)


def score(context: Context, teacher: Trained, student: Trained, label_only: Trained | None) -> Scores:
    """The score of each, with paired intervals against the teacher and against labels alone."""
    from edgekit.benchmark.bootstrap import score_difference, score_interval, score_retention
    from edgekit.distill.tfidf import why_not

    recipe, task = context.recipe, context.recipe.task
    resamples, seed = recipe.benchmark.bootstrap, recipe.seed
    rows = {
        "teacher": test_statistics(context, teacher, teacher),
        "student": test_statistics(context, student, teacher),
    }
    gain = None
    if label_only is not None:
        rows["label_only"] = test_statistics(context, label_only, teacher)
        difference = score_difference(task, rows["student"], rows["label_only"], resamples, seed)
        gain = Interval(100 * difference.value, 100 * difference.low, 100 * difference.high)
    missing = why_not(task)
    if recipe.baselines.tfidf and not missing:
        rows["tfidf"] = tfidf_statistics(context)
    found = {name: score_interval(task, values, resamples, seed) for name, values in rows.items()}
    return Scores(
        teacher=found["teacher"],
        student=found["student"],
        retained=score_retention(task, rows["student"], rows["teacher"], resamples, seed),
        label_only=found.get("label_only"),
        tfidf=found.get("tfidf"),
        gain_over_label_only=gain,
        tfidf_missing=missing if recipe.baselines.tfidf else "",
        rmse={name: root_mean_square_error(values) for name, values in rows.items()}
        if get_task(task).metric == "spearman"
        else {},
    )


def _save_array(path: Path, array: np.ndarray) -> None:
    import numpy as np

    with atomic(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
