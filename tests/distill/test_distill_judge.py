"""Validation scores while training are those of the artifacts' own judge, batched and padded or not."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.data.judged import judged_rows
from edgekit.distill.judge import make_judge
from edgekit.models.load import load_model
from edgekit.runtimes.pytorch import PyTorchRunner
from edgekit.scores import score
from edgekit.tasks import TASKS
from edgekit.types import Source, Split
from edgekit.verify.outputs import run_rows

TEXTS = tuple(
    f"a {w} film" + " and story" * i for i, w in enumerate(("warm", "dull", "clever", "lazy", "bland"))
)
LABELS = {
    "text-classification": (0, 1, 1, 0, 1),
    "multi-label-classification": ((0,), (), (0, 1), (1,), (0,)),
    "text-regression": (0.5, 2.0, -1.0, 3.0, 0.0),
    "token-classification": tuple((0,) + (1,) * (len(t.split()) - 1) for t in TEXTS),
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_judge_agrees_with_scoring_row_by_row(tiny_encoder: Path, task: str, batch_size: int) -> None:
    torch.manual_seed(0)
    names = ("O", "B-X") if task == "token-classification" else ("a", "b") if "class" in task else ()
    source = Source(uri="t", sha256="0" * 64, path=tiny_encoder)
    model = load_model(source, name="t", task=task, labels=names, fresh_head=True)
    rows, truth = judged_rows(task, model.processor, Split(TEXTS, LABELS.get(task, ())), 64)
    outputs = run_rows(PyTorchRunner(model.module, model.signature), rows, pad_id=0)
    if task == "sentence-embedding":
        truth = np.random.default_rng(0).normal(size=(5, 32))
    judge = make_judge(task, rows, truth, model=model, batch_size=batch_size)
    model.module.train()
    found = judge(model.module, contextlib.nullcontext, torch.device("cpu"))
    assert found == pytest.approx(score(task, outputs, truth, labels=names), abs=1e-6)
    assert not model.module.training


def test_the_judge_can_tell_better_from_worse(tiny_classifier: Path) -> None:
    source = Source(uri="t", sha256="0" * 64, path=tiny_classifier)
    model = load_model(source, name="t")
    rows, _ = judged_rows("text-classification", model.processor, Split(TEXTS), 64)
    judge = make_judge("text-classification", rows, [1] * 5, model=model)
    found = []
    for bias in (-100.0, 100.0):
        with torch.no_grad():
            model.module.classifier.bias[1] = bias
        autocast = lambda: torch.autocast("cpu", torch.bfloat16)  # noqa: E731
        found.append(judge(model.module, autocast, torch.device("cpu")))
    assert found == [0.0, 1.0]
