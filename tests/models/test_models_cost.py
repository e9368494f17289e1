"""Costs are what hand calculation gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.models.cost import cost
from edgekit.models.load import load_model
from edgekit.models.student import make_student
from edgekit.recipe.schema import Student
from edgekit.types import Model, Source


@pytest.fixture
def teacher(tiny_classifier: Path) -> Model:
    return load_model(Source("tiny", "0" * 64, tiny_classifier), name="teacher")


def test_a_transformer_costs_its_matrix_products(teacher: Model) -> None:
    found = cost(teacher, length=10)
    width, inner, layers, n = 32, 64, 4, 10
    layer = 2 * n * (4 * width * width + 2 * width * inner) + 2 * 2 * n * n * width
    head = 2 * (width * width + width * 2)
    assert found.flops == layers * layer + head
    tokens = len(teacher.processor)
    assert found.embedding_parameters == (tokens + 64 + 2) * width
    vectors = sum(p.numel() for p in teacher.module.parameters() if p.ndim == 1)
    assert found.parameters == teacher.parameters
    assert found.bytes_fp32 == 4 * teacher.parameters
    assert found.bytes_int8 == teacher.parameters + 3 * vectors
    assert str(found).endswith("MFLOPs for 10 tokens") and "\n" not in str(found)


def test_an_lstm_is_not_free(teacher: Model) -> None:
    student = make_student(teacher, Student(architecture="bilstm", layers=2), name="s")
    half, n = 16, 10
    direction = 2 * n * 4 * half * (32 + half)
    head = 2 * (32 * 32 + 32 * 2)
    assert cost(student, length=n).flops == 2 * 2 * direction + head


def test_counting_leaves_the_model_as_it_was(teacher: Model) -> None:
    teacher.module.train()
    short, long = cost(teacher, length=8), cost(teacher, length=16)
    assert teacher.module.training
    assert long.flops > 2 * (short.flops - 2 * (32 * 32 + 32 * 2))
    assert all(p.grad is None for p in teacher.module.parameters())
