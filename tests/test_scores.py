"""Every metric against its library, or against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import f1_score

from edgekit.scores import IGNORED, combined, decide, root_mean_square_error, score, statistics

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def one_hot(ids: list[int], width: int) -> np.ndarray:
    return np.eye(width)[ids]


def test_accuracy() -> None:
    outputs = one_hot([0, 1, 1, 0], 2)
    assert score("text-classification", outputs, [0, 1, 0, 0]) == 0.75


def test_micro_f1_is_scikit_learns() -> None:
    random = np.random.default_rng(0)
    logits, truth = random.normal(size=(50, 4)), random.random((50, 4)) < 0.3
    ids = [tuple(np.flatnonzero(row)) for row in truth]
    expected = f1_score(truth, logits > 0, average="micro")
    assert score("multi-label-classification", logits, ids) == pytest.approx(expected)


def test_labels_from_probabilities_are_those_of_their_logits() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 3))
    sigmoid = 1 / (1 + np.exp(-logits))
    task = "multi-label-classification"
    assert (decide(task, logits) == decide(task, sigmoid, output="probabilities")).all()


def test_spearman_is_scipys_and_never_below_0() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 5, 80).astype(float)  # with ties
    outputs = (truth + random.normal(size=80))[:, None]
    found = score("text-regression", outputs, truth)
    assert found == pytest.approx(spearmanr(outputs[:, 0], truth).statistic)
    assert score("text-regression", -outputs, truth) == 0.0
    assert score("text-regression", np.ones((80, 1)), truth) == 0.0, "a constant orders nothing"


def test_the_error_of_numbers_in_their_own_unit() -> None:
    rows = statistics("text-regression", [1.0, 2.0, 5.0], [1.0, 4.0, 4.0])
    assert root_mean_square_error(rows) == pytest.approx(np.sqrt(5 / 3))


def test_entity_f1_is_seqevals() -> None:
    from seqeval.metrics import f1_score as entity_f1

    random = np.random.default_rng(1)
    truth = [random.integers(0, 5, n).tolist() for n in (4, 9, 1, 6, 12)]
    guess = [[t if random.random() < 0.7 else int(random.integers(5)) for t in row] for row in truth]
    expected = entity_f1([[TAGS[i] for i in row] for row in truth], [[TAGS[i] for i in row] for row in guess])
    outputs = [one_hot(row, 5) for row in guess]
    assert 0 < expected < 1
    assert score("token-classification", outputs, truth, labels=TAGS) == pytest.approx(expected)


def test_tokens_that_carry_no_tag_and_padding_count_for_nothing() -> None:
    """[CLS] Ann ##a in Par ##is [SEP]: an entity is read over its words, not over its pieces."""
    truth = [IGNORED, 1, IGNORED, 0, 3, IGNORED, IGNORED]
    outputs = one_hot([3, 1, 0, 0, 3, 1, 2, 1, 1], 5)  # two places longer: padding
    assert score("token-classification", [outputs], [truth], labels=TAGS) == 1.0


def test_tags_of_no_chunk_scheme_count_word_by_word() -> None:
    names = ("O", "NOUN", "VERB")
    outputs, truth = one_hot([1, 1, 2, 0], 3), [1, 1, 1, 2]
    rows = statistics("token-classification", [outputs.argmax(-1)], [truth], labels=names)
    assert rows.tolist() == [[2, 3, 4]]
    assert combined("token-classification", rows) == pytest.approx(2 * 2 / 7)


def test_cosine_to_the_teacher() -> None:
    outputs, truth = np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([[5.0, 0.0], [1.0, 0.0]])
    assert score("sentence-embedding", outputs, truth) == pytest.approx((1 + np.sqrt(0.5)) / 2)
    assert score("sentence-embedding", -outputs, truth) == 0.0


def test_masked_accuracy_counts_masked_tokens_not_rows() -> None:
    outputs = [one_hot([4, 5, 6], 8), one_hot([1, 2], 8)]
    truth = [[IGNORED, 5, 6], [3, IGNORED]]
    assert score("masked-lm", outputs, truth) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        ("multi-label-classification", [[0, 0, 0]]),
        ("token-classification", [[0, 0, 0]]),
        ("masked-lm", [[0, 0]]),
    ],
)
def test_nothing_to_find_is_0_and_no_division_by_it(task: str, rows: list) -> None:
    with np.errstate(all="raise"):
        assert combined(task, np.array(rows, float)) == 0.0


def test_tensors_and_arrays_are_decided_alike() -> None:
    logits = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    for task in (
        "text-classification",
        "multi-label-classification",
        "text-regression",
        "token-classification",
    ):
        assert (decide(task, torch.from_numpy(logits)).numpy() == decide(task, logits)).all()
