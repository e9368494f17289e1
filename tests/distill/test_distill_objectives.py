"""What every objective must hold: gradients, a silent teacher, no padding, no order, no NaN in corners."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgekit.distill import objectives as o

RESPONSE: dict[str, Callable[..., Tensor]] = {
    "soft_target_kl": partial(o.soft_target_kl, temperature=2.0),
    "reverse_kl": partial(o.reverse_kl, temperature=2.0),
    "symmetric_kl": partial(o.symmetric_kl, temperature=2.0),
    "jensen_shannon": partial(o.jensen_shannon, temperature=2.0, beta=0.3),
    "logit_mse": o.logit_mse,
    "decoupled_kl": lambda s, t: o.decoupled_kl(
        s, t, torch.arange(len(s)) % s.shape[1], temperature=2.0, alpha=1.0, beta=8.0
    ),
    "correlation": partial(o.correlation, temperature=2.0, between=1.0, within=2.0),
}
ROWS: dict[str, Callable[..., Tensor]] = {
    "embedding_cosine": o.embedding_cosine,
    "embedding_mse": o.embedding_mse,
    "rkd_distance": o.rkd_distance,
    "rkd_angle": o.rkd_angle,
    "similarity_preserving": o.similarity_preserving,
    "probability_transfer": o.probability_transfer,
    "correlation_congruence": o.correlation_congruence,
}
RELATION = [name for name in ROWS if not name.startswith("embedding")]
TOKENS: dict[str, Callable[..., Tensor]] = {
    "hidden_cosine": o.hidden_cosine,
    "hidden_mse": o.hidden_mse,
    "hint": o.hint,
    "attention_relations": partial(o.attention_relations, heads=2),
    "attention_transfer": o.attention_transfer,
}
MATRIX = {**RESPONSE, **ROWS}
MASK = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]])


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def attention(*shape: int, seed: int = 0) -> Tensor:
    return torch.softmax(draw(*shape, seed=seed).masked_fill(MASK[:, None, None, :] == 0, -1e9), -1)


@pytest.mark.parametrize("name", MATRIX)
def test_gradients_of_rows_equal_finite_differences(name: str) -> None:
    student = draw(5, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: MATRIX[name](s, draw(5, 4, seed=1)), student)


@pytest.mark.parametrize("name", TOKENS)
def test_gradients_of_tokens_equal_finite_differences(name: str) -> None:
    student = draw(3, 4, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: TOKENS[name](s, draw(3, 4, 6, seed=1), MASK), student)


def test_gradients_of_attention_and_maps_equal_finite_differences() -> None:
    teacher = attention(3, 2, 4, 4, seed=1)
    assert torch.autograd.gradcheck(
        lambda s: o.attention_maps(torch.softmax(s, -1), teacher, MASK), draw(3, 2, 4, 4).requires_grad_()
    )
    assert torch.autograd.gradcheck(
        lambda s: o.attention_transfer_maps(s, draw(2, 5, 3, 4, seed=1)), draw(2, 3, 3, 4).requires_grad_()
    )


@pytest.mark.parametrize("name", {**MATRIX, **TOKENS})
def test_nothing_flows_into_the_teacher_and_equals_cost_nothing(name: str) -> None:
    rows = name in MATRIX
    extra = () if rows else (MASK,)
    student, teacher = (draw(*((5, 4) if rows else (3, 4, 6)), seed=seed).requires_grad_() for seed in (0, 1))
    measure = {**MATRIX, **TOKENS}[name]
    loss = measure(student, teacher, *extra)
    assert loss.shape == () and loss > 1e-4
    loss.backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None
    same = measure(student, student.detach().clone(), *extra)
    assert same.item() == pytest.approx(0, abs=1e-9)


def test_equal_attention_costs_nothing() -> None:
    maps, images = attention(3, 2, 4, 4), draw(2, 3, 4, 4)
    assert o.attention_maps(maps, maps, MASK).item() == 0
    assert o.attention_transfer_maps(images, images).item() == 0


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("filler", [7.0, float("nan"), float("inf")])
def test_padding_counts_for_nothing(name: str, filler: float) -> None:
    student, teacher = draw(3, 4, 6), draw(3, 4, 6, seed=1)
    clean = TOKENS[name](student, teacher, MASK)
    dirty = student.masked_fill((MASK == 0)[..., None], filler).requires_grad_()
    loss = TOKENS[name](dirty, teacher.masked_fill((MASK == 0)[..., None], 0.0), MASK)
    assert loss.item() == pytest.approx(clean.item())
    loss.backward()
    assert dirty.grad[MASK == 0].abs().sum() == 0
    assert dirty.grad.isfinite().all()
    more = torch.nn.functional.pad
    wider = TOKENS[name](
        more(student, (0, 0, 0, 3), value=5.0), more(teacher, (0, 0, 0, 3)), more(MASK, (0, 3))
    )
    assert wider.item() == pytest.approx(clean.item())


def test_padding_counts_for_nothing_in_attention_maps_and_means() -> None:
    student, teacher = attention(3, 2, 4, 4), attention(3, 2, 4, 4, seed=1)
    clean = o.attention_maps(student, teacher, MASK)
    outside = ((MASK == 0)[:, None, :, None] | (MASK == 0)[:, None, None, :]).expand_as(student)
    dirty = student.masked_fill(outside, float("nan")).requires_grad_()
    loss = o.attention_maps(dirty, teacher.masked_fill(outside, 0), MASK)
    loss.backward()
    assert loss.item() == pytest.approx(clean.item())
    assert dirty.grad.isfinite().all()
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [float("nan"), 9.0]]])
    assert o.mean_pool(hidden, torch.tensor([[1, 1, 0]])).tolist() == [[2.0, 4.0]]
    assert o.mean_pool(hidden, torch.tensor([[0, 0, 0]])).tolist() == [[0.0, 0.0]]


@given(st.permutations(range(6)), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_means_nothing(order: list[int], seed: int) -> None:
    student, teacher = draw(6, 5, seed=seed), draw(6, 5, seed=seed + 1)
    for name, measure in MATRIX.items():
        if name != "decoupled_kl":  # its targets here go by place
            expected = measure(student, teacher).item()
            assert measure(student[order], teacher[order]).item() == pytest.approx(expected, rel=1e-9), name


@pytest.mark.parametrize("name", RELATION)
def test_relations_are_between_spaces_of_any_width_and_blind_to_rotation(name: str) -> None:
    student, teacher = draw(6, 3), draw(6, 5, seed=1)
    rotation = torch.linalg.qr(draw(5, 5, seed=2)).Q
    expected = ROWS[name](student, teacher).item()
    assert ROWS[name](student, teacher @ rotation).item() == pytest.approx(expected, rel=1e-6)
    assert ROWS[name](student * 3, teacher).item() == pytest.approx(expected, rel=1e-5), "scale"


@pytest.mark.parametrize("name", MATRIX)
@pytest.mark.parametrize("kind", ["one row", "no rows", "identical rows", "two of three identical", "zeros"])
def test_corner_cases_stay_finite(name: str, kind: str) -> None:
    student, teacher = {
        "one row": (draw(1, 4), draw(1, 4, seed=1)),
        "no rows": (draw(0, 4), draw(0, 4)),
        "identical rows": (draw(1, 4).repeat(4, 1), draw(4, 4, seed=1)),
        "two of three identical": (draw(3, 4)[[0, 0, 2]], draw(3, 4, seed=1)),
        "zeros": (torch.zeros(3, 4, dtype=torch.float64), draw(3, 4, seed=1)),
    }[kind]
    student = student.float().requires_grad_()
    loss = MATRIX[name](student, teacher.float())
    assert loss.isfinite()
    loss.backward()
    assert student.grad.isfinite().all()
    # Not a spike either: it would use up the whole of a clipped gradient.
    assert student.grad.numel() == 0 or student.grad.abs().max() < 1e7
    if kind == "no rows" or (kind == "one row" and name in RELATION):
        assert loss.item() == pytest.approx(0, abs=1e-9)
        assert student.grad.abs().sum() == 0


@pytest.mark.parametrize("name", TOKENS)
def test_a_batch_of_padding_alone_costs_nothing(name: str) -> None:
    student = draw(3, 4, 6).requires_grad_()
    loss = TOKENS[name](student, draw(3, 4, 6, seed=1), torch.zeros_like(MASK))
    loss.backward()
    assert loss.item() == 0
    assert student.grad.abs().sum() == 0


@pytest.mark.parametrize(
    ("measure", "student", "teacher"),
    [
        (RESPONSE["soft_target_kl"], (2, 2), (2, 3)),
        (RESPONSE["decoupled_kl"], (2, 3, 4), (2, 3, 4)),
        (o.logit_mse, (2,), (2,)),
        (o.embedding_mse, (2, 4), (2, 8)),
        (o.rkd_distance, (2, 4), (3, 4)),
        (o.rkd_angle, (2, 3, 4), (2, 3, 4)),
        (o.attention_transfer_maps, (2, 3, 4, 4), (2, 3, 4, 5)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(measure: Any, student: Any, teacher: Any) -> None:
    with pytest.raises(ValueError, match=r"differ in shape|expected|are not rows"):
        measure(torch.zeros(student), torch.zeros(teacher))


def test_shapes_that_do_not_fit_the_mask_are_refused() -> None:
    mask = torch.ones(1, 3)
    for measure in TOKENS.values():
        with pytest.raises(ValueError, match="does not fit the mask"):
            measure(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4), mask)
    with pytest.raises(ValueError, match="differ in shape"):
        o.hidden_cosine(torch.zeros(1, 3, 4), torch.zeros(1, 3, 8), mask)
    with pytest.raises(ValueError, match="is not"):
        o.attention_maps(torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4), mask)
    with pytest.raises(ValueError, match="do not divide"):
        o.attention_relations(torch.zeros(1, 3, 4), torch.zeros(1, 3, 4), mask, heads=3)
