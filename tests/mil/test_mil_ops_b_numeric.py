"""random, quantization and attention kernels: distributions, rounding, masks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from edgekit.errors import ModelError
from edgekit.mil.call import Call
from edgekit.mil.ops import attention, quantization, random

OPS = {**random.OPS, **quantization.OPS, **attention.OPS}


def call(op_type: str, **inputs: Any) -> Call:
    op = SimpleNamespace(op_type=op_type, name="op")
    return Call(op, inputs, (), lambda *_: (), {}, torch.Generator().manual_seed(11))


def run(op_type: str, **inputs: Any) -> torch.Tensor:
    return OPS[op_type](call(op_type, **inputs))


SHAPE = torch.tensor([200, 500], dtype=torch.int32)


def test_the_distributions_have_their_moments() -> None:
    normal = run("random_normal", shape=SHAPE, mean=2.0, stddev=0.5)
    assert normal.shape == (200, 500)
    assert normal.mean().item() == pytest.approx(2.0, abs=0.01)
    assert normal.std().item() == pytest.approx(0.5, abs=0.01)
    assert (normal - 2).abs().lt(0.5).float().mean().item() == pytest.approx(0.6827, abs=0.01)

    uniform = run("random_uniform", shape=SHAPE, low=-1.0, high=3.0)
    assert uniform.min() >= -1
    assert uniform.max() < 3
    quartiles = torch.quantile(uniform.flatten(), torch.tensor([0.25, 0.5, 0.75]))
    assert quartiles.tolist() == pytest.approx([0, 1, 2], abs=0.03)
    assert torch.equal(run("random_uniform", shape=[3], low=2.0, high=2.0), torch.full((3,), 2.0))

    coins = run("random_bernoulli", shape=SHAPE, prob=torch.tensor(0.2))
    assert set(coins.unique().tolist()) == {0.0, 1.0}
    assert coins.mean().item() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("mode", ["logits", "probs"])
def test_categorical_draws_each_row_by_its_own_distribution(mode: str) -> None:
    wanted = torch.tensor([[[0.7, 0.2, 0.1]], [[0.0, 0.5, 0.5]]])
    drawn = run("random_categorical", x=wanted.log() if mode == "logits" else wanted, mode=mode, size=40_000)
    assert drawn.shape == (2, 1, 40_000)
    shares = torch.stack([(drawn == index).float().mean(-1) for index in range(3)], -1)
    torch.testing.assert_close(shares, wanted, atol=0.01, rtol=0)
    assert run("random_categorical", x=torch.tensor([3])).tolist() == [0.0]


def test_a_seeded_operation_repeats_itself_and_an_unseeded_one_follows_the_call() -> None:
    seeded = call("random_normal", shape=[4], seed=torch.tensor(5))
    assert torch.equal(OPS["random_normal"](seeded), OPS["random_normal"](seeded))
    free = call("random_normal", shape=[4], seed=-1)
    first, second = OPS["random_normal"](free), OPS["random_normal"](free)
    assert not torch.equal(first, second)
    free.rng.manual_seed(11)
    assert torch.equal(OPS["random_normal"](free), first)


@given(
    rank=st.integers(1, 4),
    seed=st.integers(0, 999),
    unsigned=st.booleans(),
    with_zero=st.booleans(),
    axis=st.one_of(st.none(), st.integers(-4, 3)),
)
@settings(max_examples=50, deadline=None)
def test_quantize_and_dequantize_by_their_equations(
    rank: int, seed: int, unsigned: bool, with_zero: bool, axis: int | None
) -> None:
    if axis is not None and not -rank <= axis < rank:
        return
    generator = np.random.default_rng(seed)
    x = generator.normal(scale=40, size=generator.integers(1, 5, rank)).astype(np.float32)
    low, high = (0, 255) if unsigned else (-128, 127)
    count = () if axis is None else (x.shape[axis],)
    scale = generator.uniform(0.1, 1, count).astype(np.float32)
    zero = generator.integers(low, high + 1, count).astype(np.uint8 if unsigned else np.int8)
    along = (1,) * rank
    if axis is not None:
        along = tuple(x.shape[axis] if i == axis % rank else 1 for i in range(rank))
    offset = zero.astype(np.float32) * with_zero
    parameters = {
        "scale": torch.tensor(scale),
        "zero_point": torch.tensor(zero) if with_zero else None,
        "axis": axis,
    }

    quantized = run(
        "quantize", input=torch.tensor(x), output_dtype="uint8" if unsigned else "int8", **parameters
    )
    expected = np.clip(np.round(x / scale.reshape(along)) + offset.reshape(along), low, high)
    assert quantized.dtype == (torch.uint8 if unsigned else torch.int8)
    np.testing.assert_array_equal(quantized.numpy(), expected)

    restored = run("dequantize", input=quantized, **parameters)
    np.testing.assert_allclose(
        restored.numpy(), scale.reshape(along) * (expected - offset.reshape(along)), rtol=1e-5, atol=1e-5
    )


def test_quantize_rounds_halves_to_even_and_saturates() -> None:
    x = torch.tensor([0.5, 1.5, 2.5, -0.5, 400.0, -400.0])
    assert run("quantize", input=x, scale=torch.tensor(1.0), output_dtype="int8").tolist() == [
        0,
        2,
        2,
        0,
        127,
        -128,
    ]
    with pytest.raises(ModelError, match="output_dtype 'int16'"):
        run("quantize", input=x, scale=torch.tensor(1.0), output_dtype="int16")


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 3)])
@pytest.mark.parametrize("mask_kind", [None, "bool", "float"])
def test_attention_is_torchs(shape: tuple[int, ...], mask_kind: str | None) -> None:
    torch.manual_seed(1)
    query, key, value = torch.randn(*shape, 7, 16), torch.randn(*shape, 5, 16), torch.randn(*shape, 5, 8)
    mask = None
    if mask_kind == "bool":
        mask = torch.tensor([True, True, False, True, False])
    elif mask_kind == "float":
        mask = torch.randn(7, 5).masked_fill(torch.eye(7, 5, dtype=torch.bool), -torch.inf)
    result = run("scaled_dot_product_attention", query=query, key=key, value=value, attn_mask=mask)
    reference = F.scaled_dot_product_attention(query, key, value, None if mask is None else mask.expand(7, 5))
    torch.testing.assert_close(result, reference, atol=1e-5, rtol=1e-5)


def test_attention_to_one_key_returns_its_value() -> None:
    mask = torch.tensor([[False, True], [True, False]])
    eye = torch.eye(2)[None]
    result = run(
        "scaled_dot_product_attention",
        query=eye,
        key=eye,
        value=torch.tensor([[[1.0], [2.0]]]),
        attn_mask=mask,
    )
    assert result.flatten().tolist() == [2.0, 1.0]
