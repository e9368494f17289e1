"""A batch is a function of its indices: padded inputs, labels of every kind, and which rows have one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from edgekit.distill.collate import Collator
from edgekit.tasks import get_task
from edgekit.types import Signature, TensorSpec

ROWS = [
    {"input_ids": [2, 7, 3], "attention_mask": [1, 1, 1]},
    {"input_ids": [2, 8, 9, 9, 3], "attention_mask": [1, 1, 1, 1, 1]},
    {"input_ids": [2, 3], "attention_mask": [1, 1]},
]


def collator(task: str, labels: list[Any], **more: Any) -> Collator:
    signature = Signature(
        task="text-classification",
        inputs=tuple(TensorSpec(n, ("batch", "sequence"), "int64") for n in ("input_ids", "attention_mask")),
        outputs=(),
        labels=("a", "b", "c"),
    )
    return Collator(ROWS, labels, get_task(task), signature=signature, pad_id=0, device="cpu", **more)


def test_rows_are_padded_to_the_longest_of_the_batch() -> None:
    batch = collator("text-classification", [1, 0, 2])([2, 0])
    assert batch.indices == (2, 0)
    assert batch.inputs["input_ids"].tolist() == [[2, 3, 0], [2, 7, 3]]
    assert batch.mask.tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch.inputs["input_ids"].dtype == torch.int64


@pytest.mark.parametrize(
    ("task", "labels", "expected", "dtype"),
    [
        ("text-classification", [1, None, 2], [2, 0, 1], torch.int64),
        ("text-regression", [0.5, None, 2], [2.0, 0.0, 0.5], torch.float32),
        (
            "multi-label-classification",
            [(0, 2), None, ()],
            [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0]],
            torch.float32,
        ),
        (
            "token-classification",
            [[-100, 1, -100], None, [-100, -100]],
            [[-100] * 5, [-100] * 5, [-100, 1, -100, -100, -100]],
            torch.int64,
        ),
    ],
)
def test_labels_are_as_the_task_says_and_a_transfer_text_has_none(task, labels, expected, dtype) -> None:
    batch = collator(task, labels)([2, 1, 0])
    assert batch.labels is not None
    assert batch.labels.tolist() == expected and batch.labels.dtype == dtype
    assert batch.labelled.tolist() == [True, False, True]


def test_a_task_without_labels_has_none() -> None:
    batch = collator("sentence-embedding", [])([0, 1])
    assert batch.labels is None and not batch.labelled.any()


def test_masking_gives_rows_and_labels_by_epoch() -> None:
    def mask(indices, epoch):
        rows = [dict(ROWS[i], input_ids=[*ROWS[i]["input_ids"][:-1], 90 + epoch]) for i in indices]
        return rows, [[-100] * (len(ROWS[i]["input_ids"]) - 1) + [3] for i in indices]

    make = collator("masked-lm", [], masking=mask)
    first, second = make([2, 0], 0), make([2, 0], 1)
    assert first.inputs["input_ids"].tolist() == [[2, 90, 0], [2, 7, 90]]
    assert second.inputs["input_ids"].tolist() == [[2, 91, 0], [2, 7, 91]]
    assert first.labels is not None
    assert first.labels.tolist() == [[-100, 3, -100], [-100, -100, 3]]
    assert first.labelled.all()
    assert make.inputs([2])["input_ids"].tolist() == [[2, 3]], "unmasked"
