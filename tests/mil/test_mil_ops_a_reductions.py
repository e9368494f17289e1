"""Reduction, linear and normalization kernels, against numpy and hand-computed values."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.mil.call import Call, Value
from edgekit.mil.ops import OPS


def run(op_type: str, **inputs: Any) -> Value:
    """Runs one kernel alone; arrays go in as tensors."""
    values = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in inputs.items()}
    op = SimpleNamespace(op_type=op_type, name=f"{op_type}_0")
    return OPS[op_type](Call(op, values, (), lambda block, given: (), {}, torch.Generator()))


def same(actual: torch.Tensor, expected: Any, tolerance: float = 1e-5) -> None:
    expected = np.asarray(expected)
    assert tuple(actual.shape) == expected.shape
    np.testing.assert_allclose(actual.numpy(), expected, atol=tolerance, rtol=tolerance)


REDUCTIONS = {
    "reduce_l1_norm": lambda x, **k: np.abs(x).sum(**k),
    "reduce_l2_norm": lambda x, **k: np.sqrt(np.square(x).sum(**k)),
    "reduce_log_sum_exp": lambda x, **k: np.log(np.exp(x).sum(**k)),
    "reduce_max": np.max,
    "reduce_mean": np.mean,
    "reduce_min": np.min,
    "reduce_prod": np.prod,
    "reduce_sum": np.sum,
    "reduce_sum_square": lambda x, **k: np.square(x).sum(**k),
}


@pytest.mark.parametrize("op_type", REDUCTIONS)
@settings(max_examples=20, deadline=None)
@given(data=st.data(), keep=st.booleans())
def test_reductions_are_numpys(op_type: str, data: st.DataObject, keep: bool) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    x = data.draw(hnp.arrays(np.float32, shape, elements=st.floats(-2, 2, width=32)))
    chosen = data.draw(st.none() | st.sets(st.integers(0, x.ndim - 1)))
    negative = data.draw(st.booleans())
    axes = None if chosen is None else [axis - x.ndim * negative for axis in sorted(chosen)]
    expected = REDUCTIONS[op_type](
        x.astype(np.float64), axis=None if axes is None else tuple(axes), keepdims=keep
    )
    same(run(op_type, x=x, axes=axes, keep_dims=keep), expected, 1e-4)


def test_integer_reductions_and_log_sum() -> None:
    x = np.array([[1, 2], [3, 5]], np.int32)
    same(run("reduce_mean", x=x, axes=[0]).int(), [2, 3], 0)  # 3.5 truncated
    same(run("reduce_sum", x=x, axes=[1]), [3, 8], 0)
    same(run("reduce_log_sum", x=x.astype(np.float32)), math.log(11))


def test_positions_of_extrema() -> None:
    x = np.array([[3.0, 9.0, 1.0], [4.0, 0.0, 7.0]], np.float32)
    same(run("reduce_argmax", x=x), [1, 2], 0)
    same(run("reduce_argmin", x=x, axis=0, keep_dims=True), [[0, 1, 0]], 0)


def test_linear_and_matmul() -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, 3, 4)).astype(np.float32), rng.normal(size=(5, 4)).astype(np.float32)
    bias = np.arange(5, dtype=np.float32)
    same(run("linear", x=x, weight=weight, bias=bias), x @ weight.T + bias)
    same(run("linear", x=x, weight=weight), x @ weight.T)
    same(run("linear", x=np.array([[1, 2]], np.int32), weight=np.array([[3, 4]], np.int32)), [[11]], 0)
    y = rng.normal(size=(6, 1, 3, 4)).astype(np.float32)
    same(run("matmul", x=x, y=y, transpose_y=True), x @ y.swapaxes(-1, -2))
    same(run("matmul", x=x, y=y, transpose_x=True), x.swapaxes(-1, -2) @ y)
    same(run("matmul", x=y, y=np.ones(4, np.float32)), y.sum(-1))
    # A vector has nothing to transpose.
    same(run("matmul", x=np.ones(3, np.float32), y=x, transpose_x=True), x.sum(1))


def test_matmul_of_two_types_promotes() -> None:
    x, y = np.array([[1.5, 2.0]], np.float32), np.array([[2], [3]], np.int32)
    same(run("matmul", x=x, y=y), [[9.0]])


@pytest.mark.parametrize(
    ("equation", "first", "second"),
    [
        ("nchw,nwhu->nchu", (2, 3, 4, 5), (2, 5, 4, 6)),
        ("nchw,nwhu->nchu", (1, 3, 1, 5), (2, 5, 4, 6)),
        ("chw,whr->chr", (3, 4, 5), (5, 1, 6)),
    ],
)
def test_einsum_broadcasts(equation: str, first: tuple[int, ...], second: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=first).astype(np.float32), rng.normal(size=second).astype(np.float32)
    values = (torch.from_numpy(x), torch.from_numpy(y))
    product = np.matmul(np.moveaxis(x, -2, -3), np.moveaxis(y, -2, -3))
    expected = np.moveaxis(product, -3, -2)
    same(run("einsum", values=values, equation=equation), expected)


def test_normalizations_by_hand() -> None:
    x = np.array([[[1.0, 3.0], [2.0, 6.0]]], np.float32)  # [n=1, C=2, 2]
    ones, mean = np.ones(2, np.float32), np.array([1.0, 2.0], np.float32)
    half = np.full(2, 0.5, np.float32)
    batch = run("batch_norm", x=x, mean=mean, variance=3 * ones, gamma=2 * ones, beta=half, epsilon=1.0)
    same(batch, [[[0.5, 2.5], [0.5, 4.5]]])
    same(run("instance_norm", x=x, epsilon=0.0), [[[-1, 1], [-1, 1]]])
    same(run("instance_norm", x=x, gamma=mean, beta=half, epsilon=0.0), [[[-0.5, 1.5], [-1.5, 2.5]]])
    same(run("l2_norm", x=x, epsilon=14.0), x / 8.0)  # 1 + 9 + 4 + 36 = 50, and 14 makes 64
    lrn = run("local_response_norm", x=x, size=1, alpha=2.0, beta=0.5, k=1.0)
    same(lrn, x / np.sqrt(1 + 2 * x**2))


@pytest.mark.parametrize("axes", [[2], [-2, -1], [1], [0, 2], None])
def test_layer_norm_over_any_axes(axes: list[int] | None) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4)).astype(np.float32)
    over = tuple(range(3)) if axes is None else tuple(axis % 3 for axis in axes)
    shape = tuple(size for axis, size in enumerate(x.shape) if axis in over)
    gamma, beta = rng.normal(size=shape).astype(np.float32), rng.normal(size=shape).astype(np.float32)
    spread = [size if axis in over else 1 for axis, size in enumerate(x.shape)]
    centred = x - x.mean(over, keepdims=True)
    y = centred / np.sqrt(x.var(over, keepdims=True) + 1e-3)
    same(
        run("layer_norm", x=x, axes=axes, gamma=gamma, beta=beta, epsilon=1e-3),
        y * gamma.reshape(spread) + beta.reshape(spread),
    )
