"""Normalizations. `epsilon` is added to the variance or the sum of squares, inside the root."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from edgekit.mil.call import Call, Kernel, Value
from edgekit.mil.ops.tensor_operation_arguments import axes_of, integer, number


def _affine(y: torch.Tensor, gamma: Value, beta: Value, shape: list[int]) -> torch.Tensor:
    """gamma·y + beta, both reshaped to broadcast over `y`; each may be missing."""
    if gamma is not None:
        y = y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)


def _standardize(x: torch.Tensor, axes: list[int], epsilon: float) -> torch.Tensor:
    """(x − mean) / sqrt(variance + epsilon) over `axes`, with the biased variance."""
    variance, mean = torch.var_mean(x, dim=axes, correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(variance + epsilon)


def batch_norm(call: Call) -> torch.Tensor:
    """gamma·(x − mean)/sqrt(variance + epsilon) + beta per channel of axis 1, epsilon 1e-5 by default."""
    epsilon = float(number(call.get("epsilon", 1e-5)))
    return F.batch_norm(
        call["x"], call["mean"], call["variance"], call["gamma"], call["beta"], False, 0.0, epsilon
    )


def instance_norm(call: Call) -> torch.Tensor:
    """As `batch_norm`, with each sample's and channel's own mean and variance over its spatial axes."""
    x = call["x"]
    y = _standardize(x, list(range(2, x.dim())), float(number(call.get("epsilon", 1e-5))))
    return _affine(y, call["gamma"], call["beta"], [1, -1, *[1] * (x.dim() - 2)])


def l2_norm(call: Call) -> torch.Tensor:
    """x / sqrt(Σx² + epsilon), the sum over the last three axes, epsilon 1e-6 by default."""
    x = call["x"]
    epsilon = number(call.get("epsilon", 1e-6))
    return x / torch.sqrt(torch.square(x).sum(dim=(-3, -2, -1), keepdim=True) + epsilon)


def layer_norm(call: Call) -> torch.Tensor:
    """gamma·(x − mean)/sqrt(variance + epsilon) + beta over `axes`, all by default; epsilon 1e-5.

    gamma and beta have the shape of x along `axes`.
    """
    x, gamma, beta = call["x"], call["gamma"], call["beta"]
    axes = axes_of(call["axes"], x.dim())
    epsilon = float(number(call.get("epsilon", 1e-5)))
    normalized = [x.shape[axis] for axis in axes]
    trailing = axes == list(range(x.dim() - len(axes), x.dim()))
    if trailing and all(p is None or list(p.shape) == normalized for p in (gamma, beta)):
        return F.layer_norm(x, normalized, gamma, beta, epsilon)
    shape = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
    return _affine(_standardize(x, axes, epsilon), gamma, beta, shape)


def local_response_norm(call: Call) -> torch.Tensor:
    """x / (k + alpha/size·Σx²)^beta over `size` neighbouring channels; alpha 1e-4, beta 0.75, k 1."""
    return F.local_response_norm(
        call["x"],
        integer(call["size"]),
        alpha=float(number(call.get("alpha", 1e-4))),
        beta=float(number(call.get("beta", 0.75))),
        k=float(number(call.get("k", 1.0))),
    )


OPS: dict[str, Kernel] = {
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "l2_norm": l2_norm,
    "layer_norm": layer_norm,
    "local_response_norm": local_response_norm,
}
