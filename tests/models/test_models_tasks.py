"""Which task a folder is for, and heads that do not fit the task asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
)

from edgekit.errors import ModelError
from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.tasks import task_of
from edgekit.tasks import TASKS
from edgekit.types import Source

SIZES = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=20)


def published(folder: Path, kind: type, **config) -> Path:
    """A folder as others publish it, without edgekit's sidecar. A task doesn't hang on a tokenizer."""
    kind(BertConfig(**SIZES, **config)).save_pretrained(folder)
    return folder


def source(path: Path) -> Source:
    return Source(uri=path.name, sha256="0" * 64, path=path)


@pytest.mark.parametrize(
    ("task", "kind", "config"),
    [
        ("text-classification", BertForSequenceClassification, {"num_labels": 3}),
        (
            "text-classification",
            BertForSequenceClassification,
            {"num_labels": 2, "problem_type": "single_label_classification"},
        ),
        (
            "multi-label-classification",
            BertForSequenceClassification,
            {"num_labels": 3, "problem_type": "multi_label_classification"},
        ),
        ("text-regression", BertForSequenceClassification, {"num_labels": 1}),
        ("text-regression", BertForSequenceClassification, {"num_labels": 1, "problem_type": "regression"}),
        ("token-classification", BertForTokenClassification, {"num_labels": 5}),
        ("masked-lm", BertForMaskedLM, {}),
    ],
)
def test_a_published_folder_tells_its_task(tmp_path: Path, task: str, kind: type, config: dict) -> None:
    assert task_of(published(tmp_path, kind, **config)) == task


@pytest.mark.parametrize("task", TASKS)
def test_a_folder_of_our_own_tells_its_task(tiny_encoder: Path, tmp_path: Path, task: str) -> None:
    model = load_model(source(tiny_encoder), name="t", task=task, labels=("a", "b"), fresh_head=True)
    assert task_of(save_model(model, tmp_path / "m", provenance={})) == task


@pytest.mark.parametrize(
    ("task", "fact"),
    [
        ("text-classification", "no classification head, so it has no labels"),
        ("text-regression", "no classification head"),
        ("token-classification", "no token classification head, so it has no labels"),
        ("masked-lm", "no masked-lm head"),
    ],
)
def test_an_encoder_has_no_head_for_these(tiny_encoder: Path, task: str, fact: str) -> None:
    with pytest.raises(ModelError, match=fact) as caught:
        load_model(source(tiny_encoder), name="t", task=task)
    assert caught.value.remedy


def test_a_classifier_is_no_regression_and_no_tagger(tiny_classifier: Path) -> None:
    with pytest.raises(ModelError, match="a head for 2 labels; text-regression has one number"):
        load_model(source(tiny_classifier), name="t", task="text-regression", fresh_head=True)
    with pytest.raises(ModelError, match="no token classification head"):
        load_model(source(tiny_classifier), name="t", task="token-classification", labels=("O", "B-X"))


def test_a_head_for_another_kind_of_label_is_refused(tiny_encoder: Path, tmp_path: Path) -> None:
    labels = ("negative", "positive")
    made = load_model(
        source(tiny_encoder), name="t", task="multi-label-classification", labels=labels, fresh_head=True
    )
    folder = save_model(made, tmp_path / "m", provenance={})
    with pytest.raises(
        ModelError, match="trained for multi label classification, not for text-classification"
    ):
        load_model(source(folder), name="t", labels=labels)


def test_a_regression_has_one_output_and_no_labels(tiny_encoder: Path) -> None:
    model = load_model(source(tiny_encoder), name="t", task="text-regression", fresh_head=True)
    assert model.module.num_labels == 1 and model.signature.labels == ()
    assert model.module.config.problem_type == "regression"
