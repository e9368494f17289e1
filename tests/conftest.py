"""A tiny but real BERT classifier, its tokenizer and a small labelled file, made once per test run."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every `make test`, and no time limit: it judges a change, not luck or load.
# `make test-slow` searches for new ones; what it finds becomes an ordinary test.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", derandomize=False, deadline=None)
settings.load_profile("fixed")

GOOD = ["moving", "superb", "warm", "clever", "joyful", "bright", "tender", "gripping"]
BAD = ["dull", "clumsy", "tired", "noisy", "bland", "lazy", "shallow", "tedious"]
THINGS = ["film", "story", "cast", "script", "ending", "score", "scene", "plot", "camera", "dialogue"]


def reviews() -> list[tuple[str, str]]:
    """320 different short reviews with their labels."""
    rows = []
    for (a, b), thing in itertools.product(itertools.combinations(range(6), 2), THINGS):
        rows.append((f"a {GOOD[a]} and {GOOD[b]} {thing}", "positive"))
        rows.append((f"a {BAD[a]} and {BAD[b]} {thing} , sadly", "negative"))
    return rows


def save_tiny(
    folder: Path, *, labels: tuple[str, ...] | None, layers: int = 4, vocabulary: int | None = None
) -> Path:
    """Writes a small random BERT and its tokenizer in Hub layout; `labels` None: without a head."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

    words = sorted({w for text, _ in reviews() for w in text.split()})
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *"abcdefghijklmnopqrstuvwxyz", ",", "."]
    vocab = list(dict.fromkeys(vocab))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=64)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=vocabulary or len(vocab),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=len(labels or (0, 1)),
    )
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {v: k for k, v in config.id2label.items()}
    model = (BertForSequenceClassification if labels else BertModel)(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a classifier for (negative, positive)."""
    return save_tiny(tmp_path_factory.mktemp("tiny") / "classifier", labels=("negative", "positive"))


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encoder that has no head."""
    return save_tiny(tmp_path_factory.mktemp("tiny") / "encoder", labels=None)


@pytest.fixture(scope="session")
def reviews_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labelled file, columns `text` and `label`."""
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        writer.writerows(reviews())
    return path


@pytest.fixture
def make_tiny():
    """`save_tiny`, for tests that need another shape."""
    return save_tiny


@pytest.fixture(autouse=True)
def one_thread_and_one_seed():
    """Two workers on two cores must not fight over threads, and a test must not depend on its neighbours."""
    import sys

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
        sys.modules["torch"].manual_seed(0)
    yield
