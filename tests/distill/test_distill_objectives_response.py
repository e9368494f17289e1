"""Response objectives and labels against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.distill import objectives as o

EVEN, SKEWED = torch.tensor([[0.0, 0.0]]), torch.tensor([[math.log(3.0), 0.0]])  # (½, ½) and (¾, ¼)
FORWARD = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)  # KL((¾, ¼) ‖ (½, ½))
REVERSE = 0.5 * math.log(2 / 3) + 0.5 * math.log(2)  # KL((½, ½) ‖ (¾, ¼))


def test_soft_target_kl_equals_the_sum_written_out() -> None:
    assert o.soft_target_kl(EVEN, SKEWED, temperature=1.0).item() == pytest.approx(FORWARD, abs=1e-6)


def test_the_other_divergences_equal_their_sums_written_out() -> None:
    assert o.reverse_kl(EVEN, SKEWED, temperature=1.0).item() == pytest.approx(REVERSE, abs=1e-6)
    both = o.symmetric_kl(EVEN, SKEWED, temperature=1.0).item()
    assert both == pytest.approx((FORWARD + REVERSE) / 2, abs=1e-6)
    # M of equal shares is (⅝, ⅜).
    teacher = 0.75 * math.log(0.75 / 0.625) + 0.25 * math.log(0.25 / 0.375)
    student = 0.5 * math.log(0.5 / 0.625) + 0.5 * math.log(0.5 / 0.375)
    middle = o.jensen_shannon(EVEN, SKEWED, temperature=1.0, beta=0.5).item()
    assert middle == pytest.approx((teacher + student) / 2, abs=1e-6)


@pytest.mark.parametrize("measure", [o.soft_target_kl, o.reverse_kl, o.symmetric_kl])
def test_at_temperature_two_the_same_softened_rows_count_four_times(measure) -> None:
    assert measure(2 * EVEN, 2 * SKEWED, temperature=2.0).item() == pytest.approx(
        4 * measure(EVEN, SKEWED, temperature=1.0).item(), rel=1e-5
    )


def test_soft_target_kl_is_averaged_over_the_batch() -> None:
    logits = torch.randn(2, 3)
    one = o.soft_target_kl(logits[:1], logits[1:], temperature=1.5)
    many = o.soft_target_kl(logits[:1].repeat(7, 1), logits[1:].repeat(7, 1), temperature=1.5)
    assert many.item() == pytest.approx(one.item(), rel=1e-5)


def test_soft_target_gradient_is_t_times_the_difference_of_softened_probabilities() -> None:
    student = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(4, 3, dtype=torch.float64)
    t = 2.5
    o.soft_target_kl(student, teacher, temperature=t).backward()
    difference = torch.softmax(student.detach() / t, -1) - torch.softmax(teacher / t, -1)
    assert torch.allclose(student.grad, t * difference / 4)


@pytest.mark.parametrize(
    "name", ["soft_target_kl", "reverse_kl", "symmetric_kl", "jensen_shannon", "decoupled_kl"]
)
def test_gradient_scale_barely_depends_on_temperature(name: str) -> None:
    settings = {
        "jensen_shannon": {"beta": 0.5},
        "decoupled_kl": {"alpha": 1.0, "beta": 1.0, "targets": torch.tensor([0])},
    }.get(name, {})
    norms = []
    for t in (8.0, 32.0):
        student = torch.tensor([[0.3, -0.2, 0.1]], requires_grad=True)
        getattr(o, name)(student, torch.tensor([[0.5, 0.1, -0.4]]), temperature=t, **settings).backward()
        norms.append(student.grad.norm().item())
    assert norms[0] == pytest.approx(norms[1], rel=0.05)


def test_jensen_shannon_tends_to_both_kl_directions() -> None:
    student, teacher = (torch.randn(3, 5, dtype=torch.float64) for _ in range(2))
    small = 1e-6
    towards_teacher = o.jensen_shannon(student, teacher, temperature=2.0, beta=small) / small
    assert torch.isclose(towards_teacher, o.soft_target_kl(student, teacher, temperature=2.0), rtol=1e-4)
    towards_student = o.jensen_shannon(student, teacher, temperature=2.0, beta=1 - small) / small
    assert torch.isclose(towards_student, o.reverse_kl(student, teacher, temperature=2.0), rtol=1e-4)
    with pytest.raises(ValueError, match="beta"):
        o.jensen_shannon(student, teacher, temperature=2.0, beta=1.0)


@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(0.1, 0.9))
@settings(max_examples=40, deadline=None)
def test_jensen_shannon_is_bounded_where_kl_is_not(a: float, b: float, beta: float) -> None:
    student, teacher = torch.tensor([[a, 0.0]]), torch.tensor([[b, 0.0]])
    value = o.jensen_shannon(student, teacher, temperature=1.0, beta=beta).item()
    assert -1e-6 <= value <= math.log(2) + 1e-6


def test_logit_mse_by_hand() -> None:
    student = torch.tensor([[1.0, 2.0], [0.0, 0.0]], requires_grad=True)
    loss = o.logit_mse(student, torch.tensor([[0.0, 0.0], [0.0, 1.0]]))
    loss.backward()
    assert loss.item() == pytest.approx((1 + 4 + 0 + 1) / 4)
    assert student.grad.tolist() == [[0.5, 1.0], [0.0, -0.5]]


def test_decoupled_kl_weighs_its_two_parts() -> None:
    # Teacher (½, ⅜, ⅛), student (¼, ⅜, ⅜), target 0.
    teacher, student = torch.tensor([[0.5, 0.375, 0.125]]).log(), torch.tensor([[0.25, 0.375, 0.375]]).log()
    target = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    others = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    zero = torch.tensor([0])
    loss = o.decoupled_kl(student, teacher, zero, temperature=1.0, alpha=3.0, beta=5.0)
    assert loss.item() == pytest.approx(3 * target + 5 * others, abs=1e-5)
    # With β at the teacher's mass of the other classes it is the plain KL (Zhao et al., 2022, eq. 7).
    plain = o.soft_target_kl(student, teacher, temperature=1.0)
    half = o.decoupled_kl(student, teacher, zero, temperature=1.0, alpha=1.0, beta=0.5)
    assert half.item() == pytest.approx(plain.item(), abs=1e-6)


def test_decoupled_kl_of_two_classes_is_the_plain_kl() -> None:
    student = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(6, 2, dtype=torch.float64)
    loss = o.decoupled_kl(student, teacher, torch.randint(2, (6,)), temperature=2.0, alpha=1.0, beta=100.0)
    plain = o.soft_target_kl(student, teacher, temperature=2.0)
    assert loss.item() == pytest.approx(plain.item(), abs=1e-6)
    assert torch.allclose(*(torch.autograd.grad(x, student)[0] for x in (loss, plain)), atol=1e-6)


def test_decoupled_kl_survives_a_teacher_beyond_doubt() -> None:
    student = torch.tensor([[300.0, -300.0, 0.0]], requires_grad=True)
    teacher = torch.tensor([[-300.0, 300.0, 0.0]])
    loss = o.decoupled_kl(student, teacher, torch.tensor([1]), temperature=1.0, alpha=1.0, beta=1.0)
    loss.backward()
    assert loss.isfinite() and student.grad.isfinite().all()


def test_correlation_by_hand_and_blind_to_shift_and_scale_of_probabilities() -> None:
    teacher, student = torch.tensor([[0.5, 0.3, 0.2]]).log(), torch.tensor([[0.2, 0.3, 0.5]]).log()
    # Deviations (1/6, −1/30, −2/15) and (−2/15, −1/30, 1/6): r = −0.0433… / 0.0466… = −13/14.
    loss = o.correlation(student, teacher, temperature=1.0, between=1.0, within=1.0)
    assert loss.item() == pytest.approx(1 + 13 / 14, abs=1e-5)
    flatter = torch.tensor([[0.4, 0.32, 0.28]]).log()  # 0.4 p + 0.2
    same = o.correlation(flatter, teacher, temperature=1.0, between=1.0, within=0.0)
    assert same.item() == pytest.approx(0, abs=1e-5)


def test_correlation_within_classes_goes_over_rows() -> None:
    teacher = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]).log()
    student = torch.tensor([[0.7, 0.3], [0.6, 0.4], [0.5, 0.5]]).log()  # falls as evenly
    loss = o.correlation(student, teacher, temperature=1.0, between=0.0, within=1.0)
    assert loss.item() == pytest.approx(0, abs=1e-5)
    against = o.correlation(student.flip(0), teacher, temperature=1.0, between=0.0, within=1.0)
    assert against.item() == pytest.approx(2, abs=1e-5)


def test_bernoulli_logits_give_the_binary_kl_of_each_label() -> None:
    student = torch.tensor([[0.0, math.log(3.0)]], dtype=torch.float64, requires_grad=True)
    teacher = torch.tensor([[math.log(3.0), math.log(3.0)]], dtype=torch.float64)
    loss = o.soft_target_kl(o.bernoulli_logits(student), o.bernoulli_logits(teacher), temperature=1.0)
    assert loss.item() == pytest.approx(FORWARD / 2)  # ½ against ¾, and nothing
    loss.backward()
    assert torch.allclose(student.grad, (torch.sigmoid(student) - torch.sigmoid(teacher)).detach() / 2)


def test_hard_labels_is_minus_log_probability() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])
    expected = -(math.log(0.75) + math.log(0.5)) / 2
    assert o.hard_labels(logits, torch.tensor([0, 1])).item() == pytest.approx(expected, abs=1e-6)


def test_hard_labels_smoothed_and_ignored() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0], [50.0, -50.0]], requires_grad=True)
    labels = torch.tensor([0, -100])
    # Truth (0.9, 0.1) with ε = 0.2.
    expected = -(0.9 * math.log(0.75) + 0.1 * math.log(0.25))
    loss = o.hard_labels(logits, labels, label_smoothing=0.2)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    loss.backward()
    assert logits.grad[0].tolist() == pytest.approx([0.75 - 0.9, 0.25 - 0.1])
    assert logits.grad[1].tolist() == [0, 0]
    assert o.hard_labels(logits, torch.tensor([-100, -100]), label_smoothing=0.2).item() == 0


def test_multi_hot_labels_by_hand() -> None:
    logits = torch.tensor([[0.0, math.log(3.0)]], requires_grad=True)
    loss = o.multi_hot_labels(logits, torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    loss.backward()
    assert logits.grad.tolist() == [pytest.approx([-0.25, 0.375])]
    smoothed = o.multi_hot_labels(logits, torch.tensor([[1.0, 0.0]]), label_smoothing=0.5)
    expected = (math.log(2) - 0.25 * math.log(0.75) - 0.75 * math.log(0.25)) / 2
    assert smoothed.item() == pytest.approx(expected)


def test_number_labels_by_hand() -> None:
    values = torch.tensor([[1.0], [4.0]], requires_grad=True)
    loss = o.number_labels(values, torch.tensor([0.0, 2.0]))
    assert loss.item() == pytest.approx(2.5)
    loss.backward()
    assert values.grad.tolist() == [[1.0], [2.0]]
    # `[N, 1]` minus `[N]` would broadcast to `[N, N]`.
    assert o.number_labels(values, torch.tensor([[1.0], [4.0]])).item() == 0
    with pytest.raises(ValueError, match="differ in shape"):
        o.number_labels(values, torch.zeros(3))
