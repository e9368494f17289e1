"""Losses against values computed by hand, and their gradients."""

from __future__ import annotations

import math

import pytest
import torch

from edgekit.distill.objectives import hard_labels, hidden_cosine, soft_target_kl


def test_soft_target_kl_equals_the_sum_written_out() -> None:
    student, teacher, t = torch.tensor([[0.0, 0.0]]), torch.tensor([[math.log(3.0), 0.0]]), 1.0
    # teacher (3/4, 1/4), student (1/2, 1/2): 3/4 ln(3/2) + 1/4 ln(1/2)
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert soft_target_kl(student, teacher, temperature=t).item() == pytest.approx(expected, abs=1e-6)


def test_soft_target_kl_at_temperature_two() -> None:
    student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2 * math.log(3.0), 0.0]])
    # Divided by T = 2 the teacher is (3/4, 1/4) again; T² = 4 multiplies the same sum.
    expected = 4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert soft_target_kl(student, teacher, temperature=2.0).item() == pytest.approx(expected, abs=1e-5)


def test_soft_target_kl_is_averaged_over_the_batch_and_zero_for_equals() -> None:
    logits = torch.randn(5, 3)
    assert soft_target_kl(logits, logits, temperature=3.0).item() == pytest.approx(0, abs=1e-6)
    one = soft_target_kl(logits[:1], logits[1:2], temperature=1.5)
    many = soft_target_kl(logits[:1].repeat(7, 1), logits[1:2].repeat(7, 1), temperature=1.5)
    assert many.item() == pytest.approx(one.item(), rel=1e-5)


def test_soft_target_gradient_is_t_times_the_difference_of_softened_probabilities() -> None:
    student = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    t = 2.5
    soft_target_kl(student, teacher, temperature=t).backward()
    difference = torch.softmax(student / t, -1) - torch.softmax(teacher / t, -1)
    assert torch.allclose(student.grad, t * difference.detach() / 4)
    assert teacher.grad is None, "nothing may flow into the teacher"


def test_gradient_scale_barely_depends_on_temperature() -> None:
    norms = []
    for t in (4.0, 16.0):
        student = torch.tensor([[0.3, -0.2, 0.1]], requires_grad=True)
        soft_target_kl(student, torch.tensor([[0.5, 0.1, -0.4]]), temperature=t).backward()
        norms.append(student.grad.norm().item())
    assert norms[0] == pytest.approx(norms[1], rel=0.05)


def test_hard_labels_is_minus_log_probability() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])
    expected = -(math.log(0.75) + math.log(0.5)) / 2
    assert hard_labels(logits, torch.tensor([0, 1])).item() == pytest.approx(expected, abs=1e-6)


def test_hidden_cosine_by_hand_and_blind_to_padding() -> None:
    student = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [9.0, 9.0]]], requires_grad=True)
    teacher = torch.tensor([[[2.0, 0.0], [0.0, 3.0], [-9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 0]])
    loss = hidden_cosine(student, teacher, mask)
    assert loss.item() == pytest.approx(0.5)  # (1 − 1 + 1 − 0) / 2
    loss.backward()
    assert student.grad[0, 2].abs().sum() == 0


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        soft_target_kl(torch.zeros(2, 2), torch.zeros(2, 3), temperature=1.0)
    with pytest.raises(ValueError, match="differ in shape"):
        hidden_cosine(torch.zeros(1, 2, 4), torch.zeros(1, 2, 8), torch.ones(1, 2))
