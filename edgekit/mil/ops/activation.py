"""Activations: each follows the formula in its operation's documentation."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.tensor_operation_arguments import axis_of, number, tensor


def _pointwise(function: Callable[[torch.Tensor], torch.Tensor]) -> Kernel:
    def kernel(call: Call) -> torch.Tensor:
        return function(tensor(call["x"]))

    return kernel


def _per_channel(call: Call, name: str, x: torch.Tensor) -> torch.Tensor:
    """A vector with one value per channel, shaped to broadcast along axis 1 of `x`, `[B, C, …]`."""
    return tensor(call[name]).reshape(-1, *[1] * (x.dim() - 2))


def clamped_relu(call: Call) -> torch.Tensor:
    """min(beta, x) where x ≥ 0, min(beta, alpha·x) elsewhere."""
    x = call["x"]
    return torch.clamp(torch.where(x >= 0, x, x * call["alpha"]), max=number(call["beta"]))


def elu(call: Call) -> torch.Tensor:
    """x where x > 0, alpha·(e^x − 1) elsewhere."""
    x = call["x"]
    return torch.where(x > 0, x, call["alpha"] * torch.expm1(x))


def gelu(call: Call) -> torch.Tensor:
    """x·Φ(x): exact by default, or by the tanh or the sigmoid(1.702·x) approximation."""
    x, mode = call["x"], str(call.get("mode", "EXACT"))
    if mode == "EXACT":
        return F.gelu(x)
    if mode == "TANH_APPROXIMATION":
        return F.gelu(x, approximate="tanh")
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    raise call.unsupported(f"mode {mode!r}")


def leaky_relu(call: Call) -> torch.Tensor:
    """x where x ≥ 0, alpha·x elsewhere."""
    x = call["x"]
    return torch.where(x >= 0, x, x * call["alpha"])


def linear_activation(call: Call) -> torch.Tensor:
    """alpha·x + beta."""
    return call["x"] * call["alpha"] + call["beta"]


def prelu(call: Call) -> torch.Tensor:
    """x where x > 0, alpha_i·x elsewhere, for channel i of axis 1."""
    x = call["x"]
    return torch.where(x > 0, x, x * _per_channel(call, "alpha", x))


def scaled_tanh(call: Call) -> torch.Tensor:
    """alpha·tanh(beta·x)."""
    return call["alpha"] * torch.tanh(call["x"] * call["beta"])


def sigmoid_hard(call: Call) -> torch.Tensor:
    """min(max(alpha·x + beta, 0), 1)."""
    return torch.clamp(call["x"] * call["alpha"] + call["beta"], 0, 1)


def _softplus(x: torch.Tensor) -> torch.Tensor:
    """ln(1 + e^x), without overflow."""
    return torch.logaddexp(x, torch.zeros_like(x))


def softplus_parametric(call: Call) -> torch.Tensor:
    """alpha_i·ln(1 + e^(beta_i·x)), for channel i of axis 1."""
    x = call["x"]
    return _per_channel(call, "alpha", x) * _softplus(_per_channel(call, "beta", x) * x)


def softmax(call: Call) -> torch.Tensor:
    """e^x over its sum along `axis`, the last by default."""
    x = call["x"]
    return torch.softmax(x, axis_of(call, x.dim(), -1))


def thresholded_relu(call: Call) -> torch.Tensor:
    """x where x ≥ alpha, 0 elsewhere."""
    x = call["x"]
    return torch.where(x >= call["alpha"], x, torch.zeros_like(x))


OPS: dict[str, Kernel] = {
    "clamped_relu": clamped_relu,
    "elu": elu,
    "gelu": gelu,
    "leaky_relu": leaky_relu,
    "linear_activation": linear_activation,
    "prelu": prelu,
    "relu": _pointwise(torch.relu),
    "relu6": _pointwise(F.relu6),
    "scaled_tanh": scaled_tanh,
    "sigmoid": _pointwise(torch.sigmoid),
    "sigmoid_hard": sigmoid_hard,
    "silu": _pointwise(F.silu),
    "softmax": softmax,
    "softplus": _pointwise(_softplus),
    "softplus_parametric": softplus_parametric,
    "softsign": _pointwise(F.softsign),
    "thresholded_relu": thresholded_relu,
}
