"""MIL operations of one result per element or axis, written again in numpy, and how to draw their attributes.

Written from MIL's documentation alone. Every function takes and returns float64 arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from hypothesis import strategies as st

Array = np.ndarray
Draw = Callable[[st.SearchStrategy[Any]], Any]
Shape = tuple[int, ...]
Attributes = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One row: its value in numpy, its attributes for an input's shape (None: it doesn't take that shape),
    whether a last-bit difference of the operands can only make a small one of the result, how many further
    operands of the same shape it has, and how the MIL builder writes it when not as `mb.NAME(x=…, y=…, **a)`.
    """

    numpy: Callable[..., Array]
    attributes: Callable[[Draw, Shape], Attributes | None] = lambda draw, shape: {}
    smooth: Callable[..., Any] = lambda *arrays, **a: True
    more: int = 0
    build: Callable[..., Any] | None = None


def integer(draw: Draw, low: int, high: int) -> int:
    return int(draw(st.integers(low, high)))


def pick(draw: Draw, choices: Sequence[Any]) -> Any:
    return draw(st.sampled_from(list(choices)))


def exact(draw: Draw, low: float, high: float) -> float:
    """A number that half precision holds exactly."""
    return integer(draw, math.ceil(low * 16), math.floor(high * 16)) / 16


def constant(draw: Draw, *shape: int, low: float = -1.0, high: float = 1.0) -> Array:
    """An array of numbers that half precision holds exactly."""
    generator = np.random.default_rng(integer(draw, 0, 1 << 16))
    return generator.integers(math.ceil(low * 16), math.floor(high * 16) + 1, shape) / 16


def an_axis(draw: Draw, shape: Shape) -> int:
    return integer(draw, -len(shape), len(shape) - 1)


def some_axes(draw: Draw, shape: Shape) -> list[int]:
    axes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True))
    return [axis - len(shape) * integer(draw, 0, 1) for axis in sorted(axes)]


def far_from_integers(x: Array, **_: Any) -> bool:
    return bool(np.all(np.abs(x - np.rint(x)) > 0.02))


def apart(x: Array, y: Array, **_: Any) -> bool:
    return bool(np.all(np.abs(x - y) > 0.02))


# Elementwise

_erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def gelu(x: Array, mode: str) -> Array:
    if mode == "SIGMOID_APPROXIMATION":
        return x * sigmoid(1.702 * x)
    if mode == "TANH_APPROXIMATION":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


def _numbers(**ranges: tuple[float, float]) -> Callable[[Draw, Shape], Attributes]:
    return lambda draw, shape: {name: exact(draw, low, high) for name, (low, high) in ranges.items()}


def _per_channel(*names: str) -> Callable[[Draw, Shape], Attributes | None]:
    def attributes(draw: Draw, shape: Shape) -> Attributes | None:
        if len(shape) not in (3, 4):
            return None
        return {name: constant(draw, shape[1], low=0.25) for name in names}

    return attributes


def channels(values: Array, x: Array) -> Array:
    return values.reshape(1, -1, *[1] * (x.ndim - 2))


def _positive(x: Array, **_: Any) -> bool:
    return bool(np.all(x > 0.05))


EPSILON = {"epsilon": (1 / 16, 1 / 2)}

ELEMENTWISE = {
    "abs": Operation(np.abs),
    "atan": Operation(np.arctan),
    "ceil": Operation(np.ceil, smooth=far_from_integers),
    "clip": Operation(lambda x, alpha, beta: np.clip(x, alpha, beta), _numbers(alpha=(-2, 0), beta=(0.5, 2))),
    "cos": Operation(np.cos),
    "cosh": Operation(np.cosh),
    "erf": Operation(_erf),
    "exp": Operation(np.exp),
    "exp2": Operation(np.exp2),
    "floor": Operation(np.floor, smooth=far_from_integers),
    "inverse": Operation(lambda x, epsilon: 1 / (x + epsilon), _numbers(**EPSILON), smooth=_positive),
    "log": Operation(lambda x, epsilon: np.log(x + epsilon), _numbers(**EPSILON), smooth=_positive),
    "round": Operation(np.rint, smooth=lambda x: far_from_integers(x + 0.5)),
    "rsqrt": Operation(lambda x, epsilon: 1 / np.sqrt(x + epsilon), _numbers(**EPSILON), smooth=_positive),
    "sign": Operation(np.sign, smooth=lambda x: np.all(np.abs(x) > 0.02)),
    "sin": Operation(np.sin),
    "sinh": Operation(np.sinh),
    "sqrt": Operation(np.sqrt, smooth=_positive),
    "square": Operation(np.square),
    "tanh": Operation(np.tanh),
    "threshold": Operation(lambda x, alpha: np.maximum(x, alpha), _numbers(alpha=(-1, 1))),
    "cast": Operation(
        np.trunc,
        smooth=far_from_integers,
        build=lambda x, dtype: mb.cast(x=mb.cast(x=x, dtype="int32"), dtype=dtype),
    ),
    "add": Operation(np.add, more=1),
    "floor_div": Operation(
        np.floor_divide, more=1, smooth=lambda x, y: np.all(np.abs(y) > 0.25) and far_from_integers(x / y)
    ),
    "maximum": Operation(np.maximum, more=1),
    "minimum": Operation(np.minimum, more=1),
    "mod": Operation(
        np.mod, more=1, smooth=lambda x, y: np.all(np.abs(y) > 0.25) and far_from_integers(x / y)
    ),
    "mul": Operation(np.multiply, more=1),
    "pow": Operation(np.power, more=1, smooth=lambda x, y: np.all((x > 0.25) & (np.abs(y) < 3))),
    "real_div": Operation(np.divide, more=1, smooth=lambda x, y: np.all(np.abs(y) > 0.25)),
    "sub": Operation(np.subtract, more=1),
    "select": Operation(
        lambda x, y: np.where(x > y, x, 0.5 * y),
        more=1,
        smooth=apart,
        build=lambda x, y, dtype: mb.select(cond=mb.greater(x=x, y=y), a=x, b=mb.mul(x=y, y=_half(dtype))),
    ),
}


def _half(dtype: str) -> Any:
    return np.float16(0.5) if dtype == "fp16" else np.float32(0.5)


ACTIVATION = {
    "clamped_relu": Operation(
        lambda x, alpha, beta: np.minimum(np.where(x < 0, alpha * x, x), beta),
        _numbers(alpha=(0, 1), beta=(0, 2)),
    ),
    "elu": Operation(
        lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), _numbers(alpha=(0, 2))
    ),
    "gelu": Operation(
        gelu, lambda d, s: {"mode": pick(d, ["EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"])}
    ),
    "leaky_relu": Operation(lambda x, alpha: np.where(x >= 0, x, alpha * x), _numbers(alpha=(0, 1))),
    "linear_activation": Operation(
        lambda x, alpha, beta: alpha * x + beta, _numbers(alpha=(-2, 2), beta=(-1, 1))
    ),
    "prelu": Operation(
        lambda x, alpha: np.where(x >= 0, x, channels(alpha, x) * x),
        lambda d, s: {"alpha": constant(d, s[1])} if len(s) == 4 else None,
    ),
    "relu": Operation(lambda x: np.maximum(x, 0)),
    "relu6": Operation(lambda x: np.clip(x, 0, 6)),
    "scaled_tanh": Operation(
        lambda x, alpha, beta: alpha * np.tanh(beta * x), _numbers(alpha=(-2, 2), beta=(-1, 1))
    ),
    "sigmoid": Operation(sigmoid),
    "sigmoid_hard": Operation(
        lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1), _numbers(alpha=(0, 1), beta=(0, 1))
    ),
    "silu": Operation(lambda x: x * sigmoid(x)),
    "softplus": Operation(lambda x: np.logaddexp(x, 0)),
    "softplus_parametric": Operation(
        lambda x, alpha, beta: channels(alpha, x) * np.logaddexp(channels(beta, x) * x, 0),
        _per_channel("alpha", "beta"),
    ),
    "softsign": Operation(lambda x: x / (1 + np.abs(x))),
    "thresholded_relu": Operation(
        lambda x, alpha: np.where(x >= alpha, x, 0),
        _numbers(alpha=(0, 1)),
        smooth=lambda x, alpha: apart(x, alpha),
    ),
}


# Reduction and normalization


def reduced(function: Callable[..., Array], **how: Any) -> Operation:
    def attributes(draw: Draw, shape: Shape) -> Attributes:
        return {"axes": some_axes(draw, shape), "keep_dims": bool(integer(draw, 0, 1))}

    return Operation(
        lambda x, axes, keep_dims: function(x, axis=tuple(axes), keepdims=keep_dims), attributes, **how
    )


def log_sum_exp(x: Array, **how: Any) -> Array:
    return np.log(np.sum(np.exp(x), **how))


def cumsum(x: Array, axis: int, exclusive: bool, reverse: bool) -> Array:
    x = np.flip(x, axis) if reverse else x
    total = np.cumsum(x, axis) - (x if exclusive else 0)
    return np.flip(total, axis) if reverse else total


def standardized(x: Array, axes: Sequence[int], epsilon: float) -> Array:
    mean = x.mean(tuple(axes), keepdims=True)
    return (x - mean) / np.sqrt(x.var(tuple(axes), keepdims=True) + epsilon)


def layer_norm_attributes(draw: Draw, shape: Shape) -> Attributes:
    axes = list(range(integer(draw, -len(shape), -1), 0))
    sizes = shape[len(shape) + axes[0] :]
    return {
        "axes": axes,
        "gamma": constant(draw, *sizes),
        "beta": constant(draw, *sizes),
        "epsilon": exact(draw, 1 / 16, 1 / 2),
    }


def norm_attributes(draw: Draw, shape: Shape) -> Attributes | None:
    drawn = _per_channel("gamma", "beta")(draw, shape)
    return None if drawn is None else {**drawn, "epsilon": exact(draw, 1 / 16, 1 / 2)}


def batch_norm(x: Array, mean: Array, variance: Array, gamma: Array, beta: Array, epsilon: float) -> Array:
    scale = gamma / np.sqrt(variance + epsilon)
    return (x - channels(mean, x)) * channels(scale, x) + channels(beta, x)


def batch_norm_attributes(draw: Draw, shape: Shape) -> Attributes | None:
    drawn = _per_channel("mean", "variance", "gamma", "beta")(draw, shape)
    return None if drawn is None else {**drawn, "epsilon": exact(draw, 1 / 16, 1 / 2)}


def softmax(x: Array, axis: int) -> Array:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def attention(q: Array, k: Array, v: Array) -> Array:
    return softmax(q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1]), -1) @ v


def clear_winner(x: Array, axis: int, **_: Any) -> bool:
    top = np.sort(x, axis)
    return x.shape[axis] == 1 or apart(np.take(top, -1, axis), np.take(top, -2, axis))


REDUCTION = {
    "reduce_l1_norm": reduced(lambda x, **how: np.sum(np.abs(x), **how)),
    "reduce_l2_norm": reduced(lambda x, **how: np.sqrt(np.sum(x * x, **how))),
    "reduce_log_sum": reduced(lambda x, **how: np.log(np.sum(x, **how)), smooth=_positive),
    "reduce_log_sum_exp": reduced(log_sum_exp),
    "reduce_max": reduced(np.max),
    "reduce_mean": reduced(np.mean),
    "reduce_min": reduced(np.min),
    "reduce_prod": reduced(np.prod),
    "reduce_sum": reduced(np.sum),
    "reduce_sum_square": reduced(lambda x, **how: np.sum(x * x, **how)),
    "reduce_argmax": Operation(
        lambda x, axis, keep_dims: np.argmax(x, axis, keepdims=keep_dims).astype(float),
        lambda d, s: {"axis": an_axis(d, s), "keep_dims": bool(integer(d, 0, 1))},
        smooth=clear_winner,
        build=lambda x, dtype, **a: mb.cast(x=mb.reduce_argmax(x=x, **a), dtype=dtype),
    ),
    "cumsum": Operation(
        cumsum,
        lambda d, s: {
            "axis": integer(d, -1, len(s) - 1),
            "exclusive": bool(integer(d, 0, 1)),
            "reverse": bool(integer(d, 0, 1)),
        },
    ),
    "softmax": Operation(softmax, lambda d, s: {"axis": an_axis(d, s)}),
    "layer_norm": Operation(
        lambda x, axes, gamma, beta, epsilon: standardized(x, axes, epsilon) * gamma + beta,
        layer_norm_attributes,
    ),
    "instance_norm": Operation(
        lambda x, gamma, beta, epsilon: standardized(x, range(2, x.ndim), epsilon) * channels(gamma, x)
        + channels(beta, x),
        norm_attributes,
    ),
    "batch_norm": Operation(batch_norm, batch_norm_attributes),
    "l2_norm": Operation(
        lambda x, epsilon: x / np.sqrt(np.sum(x * x, (-3, -2, -1), keepdims=True) + epsilon),
        lambda d, s: {"epsilon": exact(d, 1 / 16, 1 / 2)} if len(s) >= 3 else None,
    ),
    "scaled_dot_product_attention": Operation(
        attention,
        lambda d, s: {} if len(s) >= 3 else None,
        more=2,
        build=lambda x, y, z, dtype: mb.scaled_dot_product_attention(query=x, key=y, value=z),
    ),
}  # fmt: skip
