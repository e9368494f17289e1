"""Relational and contrastive objectives against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from edgekit.distill import objectives as o

LINE = torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]])  # distances 1, 2, 3
TRIANGLE = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])  # distances 3, 4, 5


def huber(x: float) -> float:
    return x * x / 2 if abs(x) < 1 else abs(x) - 0.5


def test_rkd_distance_by_hand() -> None:
    # In units of their means, 2 and 4: (0 1) ½ against ¾, (1 2) 1 against 5/4, (0 2) 3/2 against 1.
    expected = (huber(0.25) + huber(0.25) + huber(0.5)) / 3
    assert o.rkd_distance(LINE, TRIANGLE).item() == pytest.approx(expected, abs=1e-6)


def test_rkd_angle_by_hand() -> None:
    # Cosines at corners 0, 1, 2: on the line 1, −1, 1; in the triangle 0, 3/5, 4/5.
    expected = (huber(1) + huber(1.6) + huber(0.2)) / 3
    assert o.rkd_angle(LINE, TRIANGLE).item() == pytest.approx(expected, abs=1e-6)


def test_rkd_angle_of_two_rows_has_no_triangle() -> None:
    assert o.rkd_angle(LINE[:2], TRIANGLE[1:]).item() == 0


def test_similarity_preserving_by_hand() -> None:
    student, teacher = torch.eye(2), torch.ones(2, 2)
    # Rows of the Gram matrices at length 1: (1, 0) and (0, 1) against (1, 1) / √2.
    expected = 2 * ((1 - 1 / math.sqrt(2)) ** 2 + 0.5) / 4
    assert o.similarity_preserving(student, teacher).item() == pytest.approx(expected, abs=1e-6)


def test_probability_transfer_by_hand() -> None:
    student = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    # Kernels: student (01) ½, (02) ½, (12) 1; a teacher of mutually orthogonal rows has ½ throughout.
    teacher = torch.eye(3)
    # Row 0: (½, ½) both. Rows 1 and 2: the teacher has (½, ½), the student (⅓, ⅔).
    expected = 2 * (0.5 * math.log(0.5 * 3) + 0.5 * math.log(0.5 * 1.5)) / 3
    assert o.probability_transfer(student, teacher).item() == pytest.approx(expected, abs=1e-5)


def test_probability_transfer_from_a_student_exactly_opposite() -> None:
    student = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 1e-3]], requires_grad=True)
    loss = o.probability_transfer(student, torch.ones(3, 2))
    loss.backward()
    assert loss.isfinite() and student.grad.isfinite().all()


def test_correlation_congruence_by_hand() -> None:
    # Cosines 0 against 1 off the diagonal: exp(−2γ) against 1 in two of four places.
    loss = o.correlation_congruence(torch.eye(2), torch.ones(2, 2), gamma=0.4)
    assert loss.item() == pytest.approx((1 - math.exp(-0.8)) ** 2 / 2, abs=1e-6)


def test_contrastive_by_hand() -> None:
    student = torch.tensor([[2.0, 0.0]], requires_grad=True)
    own, negatives = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    # Cosines 1, 0, −1 over τ = ½.
    expected = math.log(math.exp(2) + 1 + math.exp(-2)) - 2
    loss = o.contrastive(student, own, negatives, temperature=0.5)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    nearest = o.contrastive(student, own, negatives, temperature=0.5, allowed=torch.tensor([[True, False]]))
    assert nearest.item() == pytest.approx(math.log(math.exp(2) + 1) - 2, abs=1e-6)
    nobody = o.contrastive(student, own, negatives, temperature=0.5, allowed=torch.zeros(1, 2).bool())
    nobody.backward()
    assert nobody.item() == pytest.approx(0, abs=1e-6)
    assert student.grad.abs().max() < 1e-6


def test_contrastive_gradients_reach_student_teacher_and_negatives() -> None:
    tensors = [torch.randn(n, 4, dtype=torch.float64, requires_grad=True) for n in (3, 3, 5)]
    allowed = torch.rand(3, 5) > 0.3
    assert torch.autograd.gradcheck(
        lambda s, t, n: o.contrastive(s, t, n, temperature=0.3, allowed=allowed), tensors
    )
    o.contrastive(*tensors, temperature=0.3).backward()
    assert all(t.grad.abs().sum() > 0 for t in tensors)
