"""Elementwise and activation kernels, against numpy and hand-computed values."""

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

from edgekit.errors import ModelError
from edgekit.mil.call import Call, Value
from edgekit.mil.ops import OPS

FLOATS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=1, max_dims=4, max_side=5),
    elements=st.floats(-8, 8, width=32),
)
INTS = hnp.arrays(np.int32, hnp.array_shapes(min_dims=1, max_dims=4, max_side=5), elements=st.integers(-9, 9))


def run(op_type: str, **inputs: Any) -> Value:
    """Runs one kernel alone; arrays go in as tensors."""
    values = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in inputs.items()}
    op = SimpleNamespace(op_type=op_type, name=f"{op_type}_0")
    return OPS[op_type](Call(op, values, (), lambda block, given: (), {}, torch.Generator()))


def same(actual: torch.Tensor, expected: Any, tolerance: float = 1e-5) -> None:
    expected = np.asarray(expected)
    assert tuple(actual.shape) == expected.shape
    np.testing.assert_allclose(actual.numpy(), expected, atol=tolerance, rtol=tolerance)


UNARY = {
    "abs": np.abs,
    "atan": np.arctan,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
    "exp": np.exp,
    "exp2": np.exp2,
    "floor": np.floor,
    "round": np.round,
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "square": np.square,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
}


@pytest.mark.parametrize("op_type", UNARY)
@settings(max_examples=25, deadline=None)
@given(x=FLOATS)
def test_unary_is_numpys(op_type: str, x: np.ndarray) -> None:
    same(run(op_type, x=x), UNARY[op_type](x.astype(np.float64)))


@pytest.mark.parametrize("op_type", ["acos", "asin", "atanh", "sqrt", "tan"])
def test_unary_on_its_domain(op_type: str) -> None:
    x = np.linspace(0.01, 0.99, 23, dtype=np.float32)
    names = {"acos": np.arccos, "asin": np.arcsin, "atanh": np.arctanh, "sqrt": np.sqrt, "tan": np.tan}
    same(run(op_type, x=x), names[op_type](x.astype(np.float64)))


def test_epsilon_is_inside_the_function() -> None:
    x = np.array([0.0, 4.0], np.float32)
    same(run("rsqrt", x=x, epsilon=1e-2), [10.0, 1 / math.sqrt(4.01)])
    same(run("inverse", x=x), [1e4, 1 / 4.0001])
    same(run("inverse", x=x, epsilon=0.5), [2.0, 1 / 4.5])
    same(run("log", x=x, epsilon=1.0), [0.0, math.log(5)])


def test_default_epsilons_keep_zero_finite() -> None:
    x = np.zeros(1, np.float32)
    same(run("rsqrt", x=x), [1e6])
    assert torch.isfinite(run("log", x=x)).all()


def test_integers_stay_whole() -> None:
    x = np.array([0, 1, 10, 20], np.int32)
    same(run("exp2", x=x), [1, 2, 1024, 1048576], 0)
    same(run("pow", x=np.array([-3, 2], np.int32), y=np.array([3, -1], np.int32)).int(), [-27, 0], 0)
    same(run("real_div", x=np.array([5, -7], np.int32), y=np.array([2, 2], np.int32)).int(), [2, -3], 0)


def test_clip_and_threshold() -> None:
    x = np.array([-3.0, 0.5, 9.0], np.float32)
    same(run("clip", x=x, alpha=-1.0, beta=2.0), [-1, 0.5, 2])
    same(run("threshold", x=x, alpha=0.0), [0, 0.5, 9])


def test_cast_truncates_saturates_and_wraps() -> None:
    x = np.array([-1.9, 1.9, 300.5, -1e20, np.nan], np.float32)
    same(run("cast", x=x, dtype="int32"), [-1, 1, 300, -(2**31), 0], 0)
    same(run("cast", x=x, dtype="uint8"), [0, 1, 255, 0, 0], 0)
    same(run("cast", x=x, dtype="bool"), [True, True, True, True, True], 0)
    whole = np.array([-1, 200, 65537], np.int32)
    same(run("cast", x=whole, dtype="int8"), whole.astype(np.int8), 0)
    same(run("cast", x=whole, dtype="uint16"), whole.astype(np.uint16), 0)
    same(run("cast", x=whole, dtype="fp32"), whole.astype(np.float32), 0)


def test_cast_to_an_unknown_type_names_the_operation() -> None:
    with pytest.raises(ModelError, match=r"cast_0.*complex64"):
        run("cast", x=np.zeros(1, np.float32), dtype="complex64")


BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
}


@pytest.mark.parametrize("op_type", BINARY)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_binary_broadcasts_as_numpy(op_type: str, data: st.DataObject) -> None:
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4))
    elements = {"elements": st.integers(-3, 3)}
    x, y = (np.asarray(data.draw(hnp.arrays(np.int32, shape, **elements))) for shape in shapes.input_shapes)
    same(run(op_type, x=x, y=y), BINARY[op_type](x, y), 0)
    floats = x.astype(np.float32), y.astype(np.float32)
    same(run(op_type, x=floats[0], y=floats[1]), BINARY[op_type](*floats))


@settings(max_examples=40, deadline=None)
@given(x=INTS, divisor=st.sampled_from([-4, -3, -1, 1, 2, 5]))
def test_division_rounds_down_and_mod_has_the_divisors_sign(x: np.ndarray, divisor: int) -> None:
    same(run("floor_div", x=x, y=divisor), x // divisor, 0)
    same(run("mod", x=x, y=divisor), x % divisor, 0)
    same(run("floor_div", x=x.astype(np.float32), y=float(divisor)), x // divisor, 0)
    same(run("mod", x=x.astype(np.float32), y=float(divisor)), x % divisor, 0)


def test_a_float_scalar_keeps_the_tensors_type() -> None:
    x = np.array([1.0, 5.0], np.float32)
    for op_type in ("maximum", "minimum", "add", "real_div", "pow"):
        assert run(op_type, x=x, y=2.0).dtype == torch.float32
        assert run(op_type, x=2.0, y=x).dtype == torch.float32


def test_logic() -> None:
    x, y = np.array([True, True, False, False]), np.array([True, False, True, False])
    same(run("logical_and", x=x, y=y), [True, False, False, False])
    same(run("logical_or", x=x, y=y), [True, True, True, False])
    same(run("logical_xor", x=x, y=y), [False, True, True, False])
    same(run("logical_not", x=x), ~x)


def test_parametric_activations() -> None:
    x = np.array([-2.0, -0.5, 0.0, 3.0], np.float32)
    same(run("clamped_relu", x=x, alpha=2.0, beta=1.0), [-4, -1, 0, 1])
    same(run("elu", x=x, alpha=0.5), [0.5 * (math.e**-2 - 1), 0.5 * (math.e**-0.5 - 1), 0, 3])
    same(run("leaky_relu", x=x, alpha=0.1), [-0.2, -0.05, 0, 3])
    same(run("linear_activation", x=x, alpha=2.0, beta=1.0), [-3, 0, 1, 7])
    same(run("scaled_tanh", x=x, alpha=2.0, beta=0.5), 2 * np.tanh(0.5 * x))
    same(run("sigmoid_hard", x=x, alpha=0.5, beta=0.5), [0, 0.25, 0.5, 1])
    same(run("thresholded_relu", x=x, alpha=0.0), [0, 0, 0, 3])
    same(run("softplus", x=np.array([100.0, -100.0], np.float32)), [100.0, 0.0])


def test_activations_with_one_value_per_channel() -> None:
    x = np.array([[[-1.0, 2.0], [-1.0, 2.0]]], np.float32)  # [B=1, C=2, 2]
    alpha, beta = np.array([0.5, 3.0], np.float32), np.array([1.0, 2.0], np.float32)
    same(run("prelu", x=x, alpha=alpha), [[[-0.5, 2], [-3, 2]]])
    expected = alpha[:, None] * np.log1p(np.exp(beta[:, None] * x[0]))
    same(run("softplus_parametric", x=x, alpha=alpha, beta=beta), expected[None])


def test_gelu_modes() -> None:
    x = np.array([-1.0, 0.0, 2.0], np.float32)
    exact = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x]
    tanh = [0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) for v in x]
    same(run("gelu", x=x), exact)
    same(run("gelu", x=x, mode="TANH_APPROXIMATION"), tanh)
    same(run("gelu", x=x, mode="SIGMOID_APPROXIMATION"), x / (1 + np.exp(-1.702 * x)))
    with pytest.raises(ModelError, match=r"gelu_0.*FAST"):
        run("gelu", x=x, mode="FAST")


@settings(max_examples=30, deadline=None)
@given(x=FLOATS, data=st.data())
def test_softmax_along_any_axis(x: np.ndarray, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    e = np.exp(x.astype(np.float64) - x.max(axis, keepdims=True))
    same(run("softmax", x=x, axis=axis), e / e.sum(axis, keepdims=True))


def test_an_axis_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ModelError, match="axis 2 of a tensor of rank 2"):
        run("softmax", x=np.zeros((2, 2), np.float32), axis=2)
