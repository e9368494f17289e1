"""A teacher with more tokens than its student: what is compared, what is not, live and from a cache."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import torch

from edgekit.data.documents import LENGTHS, next_tokens, positions
from edgekit.distill.knowledge import Batch
from edgekit.distill.language.distiller import Language
from edgekit.distill.language.judge import token_figures
from edgekit.distill.language.shared import Shared
from edgekit.distill.language.teacher import CachedTokens, LiveTokens, ask_tokens
from edgekit.models.students.rebuild import rebuilt
from edgekit.recipe.schema import Distill, LossWeights, OnPolicy
from edgekit.scores import IGNORED
from tests.decoder_examples import example

KEPT = (2, *range(5, 60))  # student token → teacher token
OFF = LossWeights(**{**dict.fromkeys(LossWeights.model_fields, 0.0), "soft_targets": 1.0})
ONE = Distill(weights=OFF, temperature=1.0)


def block(*documents: list[int]) -> dict[str, list[int]]:
    ids = [token for document in documents for token in document]
    return {"input_ids": ids, "attention_mask": [1] * len(ids), LENGTHS: [len(d) for d in documents]}


BLOCKS = [block([5, 6, 7, 0], [8, 9, 10, 11, 0]), block([12, 13, 0]), block([30, 31, 32, 33, 0])]
ASKED = [{**row, "input_ids": [KEPT[i] for i in row["input_ids"]]} for row in BLOCKS]


def inputs(rows: list[Any]) -> dict[str, torch.Tensor]:
    width = max(len(row["input_ids"]) for row in rows)
    ids, places = torch.zeros(len(rows), width, dtype=torch.int64), torch.zeros(len(rows), width).long()
    for i, row in enumerate(rows):
        ids[i, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
        places[i, : len(row["input_ids"])] = torch.tensor(positions(row))
    return {"input_ids": ids, "position_ids": places}


def batch(*indices: int) -> Batch:
    found = inputs([BLOCKS[i] for i in indices])
    labels = torch.full(found["input_ids"].shape, IGNORED)
    for i, index in enumerate(indices):
        told = next_tokens(BLOCKS[index], ignored=IGNORED)
        labels[i, : len(told)] = torch.tensor(told)
    return Batch(tuple(indices), found, labels, torch.ones(len(indices), dtype=torch.bool))


@pytest.fixture
def teacher() -> Any:
    return example("llama")


def fewer(teacher: Any, **changes: Any) -> Any:
    """The teacher with the kept tokens alone."""
    config = type(teacher.config)(**{**teacher.config.to_dict(), "vocab_size": len(KEPT), "eos_token_id": 0})
    return rebuilt(teacher, config, choose=lambda key, axis: torch.tensor(KEPT))


def ask(teacher: Any, shared: Shared, folder: Path, top_k: int | None) -> Any:
    return ask_tokens(
        teacher,
        ASKED,
        inputs=lambda indices: inputs([ASKED[i] for i in indices]),
        autocast=contextlib.nullcontext,
        folder=folder,
        key="tokens",
        limit_bytes=10**6,
        top_k=top_k,
        title="Ask",
        shared=shared,
    )


@pytest.mark.parametrize("top_k", [None, 8])
def test_who_lost_tokens_alone_does_not_differ(teacher: Any, tmp_path: Path, top_k: int | None) -> None:
    answers = ask(teacher, Shared(KEPT), tmp_path, top_k)
    assert isinstance(answers, LiveTokens if top_k is None else CachedTokens)
    told = Language(fewer(teacher), ONE, teacher=answers, tokens_per_row=1.0)(batch(2, 0, 1))
    assert abs(told["soft_targets"].item()) < 1e-5


def test_a_cache_of_all_but_one_says_what_the_live_teacher_says(teacher: Any, tmp_path: Path) -> None:
    student = example("llama", vocab_size=len(KEPT), num_hidden_layers=2)
    values = {}
    for top_k in (None, len(KEPT) - 2, 8):
        answers = ask(teacher, Shared(KEPT), tmp_path / str(top_k), top_k)
        values[top_k] = Language(student, ONE, teacher=answers, tokens_per_row=1.0)(batch(0, 1, 2))
    live, whole, top = (values[k]["soft_targets"].item() for k in (None, len(KEPT) - 2, 8))
    assert whole == pytest.approx(live, rel=1e-3) and 0 < top < live


def test_another_vocabulary_is_asked_anew(teacher: Any, tmp_path: Path) -> None:
    ask(teacher, Shared(KEPT), tmp_path, 8)
    read = ask(teacher, Shared((2, *range(6, 61))), tmp_path, 8)
    fresh = ask(teacher, Shared((2, *range(6, 61))), tmp_path / "fresh", 8)
    counted = batch(0, 1).labels != IGNORED  # type: ignore[union-attr]
    for mine, theirs in zip(
        read.tensors(batch(0, 1), counted), fresh.tensors(batch(0, 1), counted), strict=True
    ):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("top_k", [None, 8])
def test_tokens_of_the_student_alone_teach_nothing(teacher: Any, tmp_path: Path, top_k: int | None) -> None:
    student = example("llama", vocab_size=len(KEPT), num_hidden_layers=2)
    nothing = Shared(KEPT, alike=[[0] * 9, [0] * 3, [0] * 5])
    distiller = Language(
        student, ONE, teacher=ask(teacher, nothing, tmp_path / "0", top_k), tokens_per_row=1.0
    )
    loss = distiller(batch(0, 1, 2))["soft_targets"]
    loss.backward()
    assert loss.item() == 0
    assert all(not p.grad.any() for p in student.parameters() if p.grad is not None)
    # One block of two: half of the sum over both is left.
    some = Shared(KEPT, alike=[[1] * 9, [0] * 3, [1] * 5])
    told = [
        Language(student, ONE, teacher=ask(teacher, shared, tmp_path / str(i), top_k), tokens_per_row=1.0)
        for i, shared in enumerate((some, Shared(KEPT)), 1)
    ]
    left = told[0](batch(0, 1))["soft_targets"].item() * 2
    assert left == pytest.approx(told[1](batch(0))["soft_targets"].item(), rel=1e-4)


def test_what_the_student_writes_is_compared_everywhere(teacher: Any, tmp_path: Path) -> None:
    config = Distill(
        weights=OFF, temperature=1.0, on_policy=OnPolicy(share=1.0, prompt_tokens=2, new_tokens=4)
    )
    student = example("llama", vocab_size=len(KEPT), num_hidden_layers=2, eos_token_id=0)
    for top_k in (None, 8):
        answers = ask(teacher, Shared(KEPT, alike=[[0] * 9, [0] * 3, [0] * 5]), tmp_path / str(top_k), top_k)
        torch.manual_seed(0)
        told = Language(student, config, teacher=answers, tokens_per_row=1.0)(batch(0, 2))
        assert told["soft_targets"].item() > 0


def test_figures_are_of_what_both_read_alike(teacher: Any) -> None:
    student = fewer(teacher)
    with torch.no_grad():
        student.model.norm.weight *= 0.5
    alike, theirs = [[0] * 9, [1, 1, 0], [1, 0, 1, 1, 0]], [[0, 2, 1, 0, 1, 1, 1, 1, 0], [1, 1, 0], [1] * 5]
    found = token_figures(
        {"teacher": teacher, "student": student},
        lambda indices: batch(*indices),
        [[0, 1], [2]],
        teacher="teacher",
        shared=Shared(KEPT, alike=alike, theirs=theirs),
    )
    assert found.keys() == {"student"}
    told = found["student"]
    assert told["own"] == [7, 2, 4] and told["compared"] == [0, 2, 3] and told["tokens"] == [7, 2, 4]
    assert told["kl"][0] == 0 < told["kl"][1] and told["same"] == told["compared"]
    ids = torch.tensor([ASKED[1]["input_ids"]])
    with torch.no_grad():
        p = teacher(ids).logits[0, :2, list(KEPT)].log_softmax(-1)
        q = student(torch.tensor([BLOCKS[1]["input_ids"]])).logits[0, :2].log_softmax(-1)
    assert told["kl"][1] == pytest.approx(float((p.exp() * (p - q)).sum()), rel=1e-4)
    assert told["nll"][1] == pytest.approx(-float(q[0, 13] + q[1, 0]), rel=1e-4)
