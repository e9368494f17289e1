"""Feature objectives against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from edgekit.distill import objectives as o


def test_hidden_cosine_by_hand() -> None:
    student = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [9.0, 9.0]]], requires_grad=True)
    teacher = torch.tensor([[[2.0, 0.0], [0.0, 3.0], [-9.0, 9.0]]])
    loss = o.hidden_cosine(student, teacher, torch.tensor([[1, 1, 0]]))
    assert loss.item() == pytest.approx(0.5)  # (1 − 1 + 1 − 0) / 2
    loss.backward()
    # Of the second token only the part across the student's own direction, over 2 tokens.
    assert student.grad[0].tolist() == [[0, 0], [0, -0.5], [0, 0]]


def test_hidden_mse_and_hint_by_hand() -> None:
    student = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]]], requires_grad=True)
    mask = torch.tensor([[1, 1, 0]])
    loss = o.hidden_mse(student, torch.zeros(1, 3, 2), mask)
    assert loss.item() == pytest.approx((1 + 9 + 16) / 4)
    assert o.hint(student, torch.zeros(1, 3, 2), mask).item() == pytest.approx(loss.item() / 2)
    loss.backward()
    assert student.grad[0].tolist() == [[0.5, 0], [1.5, 2], [0, 0]]


def test_every_positive_number_marks_a_real_token() -> None:
    student, teacher = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    segments = torch.tensor([[1, 2, 0], [1, 1, 3]])
    assert torch.equal(o.hidden_mse(student, teacher, segments), o.hidden_mse(student, teacher, segments > 0))


def test_embeddings_by_hand() -> None:
    student = torch.tensor([[3.0, 4.0], [1.0, 0.0]], requires_grad=True)
    teacher = torch.tensor([[30.0, 40.0], [0.0, 2.0]])
    assert o.embedding_cosine(student, teacher).item() == pytest.approx(0.5)
    loss = o.embedding_mse(student, teacher)
    assert loss.item() == pytest.approx((27**2 + 36**2 + 1 + 4) / 4)
    loss.backward()
    assert student.grad.tolist() == [[-13.5, -18], [0.5, -1]]


def test_attention_maps_by_hand() -> None:
    student = torch.tensor([[[[0.5, 0.5], [0.5, 0.5]]]], requires_grad=True)
    teacher = torch.tensor([[[[1.0, 0.0], [0.5, 0.5]]]])
    loss = o.attention_maps(student, teacher, torch.ones(1, 2))
    assert loss.item() == pytest.approx((0.25 + 0.25 + 0) / 2)  # summed over keys, averaged over queries
    loss.backward()
    assert student.grad[0, 0].tolist() == [[-0.5, 0.5], [0, 0]]


def test_attention_maps_with_other_head_counts_compare_the_mean_head() -> None:
    student = torch.tensor([[[[0.5, 0.5], [0.5, 0.5]]]])
    teacher = torch.stack([torch.eye(2), 1 - torch.eye(2)])[None]  # two heads whose mean is ½ everywhere
    assert o.attention_maps(student, teacher, torch.ones(1, 2)).item() == 0
    alike = o.attention_maps(student.expand(1, 2, 2, 2), teacher, torch.ones(1, 2)).item()
    assert alike == pytest.approx(0.5), "equal counts are compared head by head"


def test_attention_relations_by_hand() -> None:
    # One head of width 4, so scores are halved: student tokens across each other, teacher tokens alike.
    student = torch.zeros(1, 2, 4)
    student[0, 0, 0] = student[0, 1, 1] = math.sqrt(2 * math.log(3))
    teacher = torch.ones(1, 2, 4)
    # Scores [[ln 3, 0], [0, ln 3]]: rows (¾, ¼); the teacher's are (½, ½).
    expected = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    loss = o.attention_relations(student, teacher, torch.ones(1, 2), heads=1)
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_attention_relations_cut_both_widths_into_the_same_heads() -> None:
    mask = torch.tensor([[1, 1, 1, 0]])
    student, teacher = torch.randn(1, 4, 6), torch.randn(1, 4, 12)
    whole = o.attention_relations(student, teacher, mask, heads=3)
    parts = [
        o.attention_relations(student[..., 2 * h : 2 * h + 2], teacher[..., 4 * h : 4 * h + 4], mask, heads=1)
        for h in range(3)
    ]
    assert whole.item() == pytest.approx(torch.stack(parts).mean().item(), rel=1e-5)


def test_attention_relations_of_huge_values_stay_finite() -> None:
    student = (1e4 * torch.randn(2, 5, 8)).requires_grad_()
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    loss = o.attention_relations(student, torch.randn(2, 5, 8), mask, heads=2)
    loss.backward()
    assert loss.isfinite() and student.grad.isfinite().all()


def test_attention_transfer_by_hand_and_blind_to_scale() -> None:
    student = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])  # all energy on the first token
    teacher = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]]])  # on the second
    both = torch.tensor([[[0.0, 3.0, 0.0], [3.0, 0.0, 0.0]]])  # on both
    mask = torch.ones(1, 2)
    assert o.attention_transfer(student, teacher, mask).item() == pytest.approx(2)
    expected = (1 - 1 / math.sqrt(2)) ** 2 + 1 / 2
    assert o.attention_transfer(student, both, mask).item() == pytest.approx(expected)
    assert o.attention_transfer(student * 7, both * 0.1, mask).item() == pytest.approx(expected)


def test_attention_transfer_of_images_equals_that_of_their_positions() -> None:
    student, teacher = torch.randn(2, 3, 4, 5), torch.randn(2, 6, 4, 5)
    flat = [x.flatten(2).transpose(1, 2) for x in (student, teacher)]
    expected = o.attention_transfer(*flat, torch.ones(2, 20))
    assert o.attention_transfer_maps(student, teacher).item() == pytest.approx(expected.item(), rel=1e-5)
