"""Operations on each pair of elements of two tensors, which broadcast as in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import torch

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.tensor_operation_arguments import tensor


def _pairwise(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Kernel:
    def kernel(call: Call) -> torch.Tensor:
        return function(tensor(call["x"]), tensor(call["y"]))

    return kernel


def _extremum(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Kernel:
    """torch's maximum and minimum broadcast, but don't promote a rank-0 operand's type in every case."""

    def kernel(call: Call) -> torch.Tensor:
        x, y = tensor(call["x"]), tensor(call["y"])
        dtype = torch.result_type(x, y)
        return function(x.to(dtype), y.to(dtype))

    return kernel


def _floor_div(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """x / y rounded towards negative infinity."""
    return torch.div(x, y, rounding_mode="floor")


def _real_div(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """x / y; of two integers in float64, so that the executor truncates the exact quotient."""
    if x.is_floating_point() or y.is_floating_point():
        return x / y
    return x.double() / y.double()


def _pow(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """x ^ y; of two integers in float64, where a negative exponent is defined."""
    if x.is_floating_point() or y.is_floating_point():
        return torch.pow(x, y)
    return torch.pow(x.double(), y.double())


OPS: dict[str, Kernel] = {
    "add": _pairwise(torch.add),
    "equal": _pairwise(torch.eq),
    "floor_div": _pairwise(_floor_div),
    "greater": _pairwise(torch.gt),
    "greater_equal": _pairwise(torch.ge),
    "less": _pairwise(torch.lt),
    "less_equal": _pairwise(torch.le),
    "logical_and": _pairwise(torch.logical_and),
    "logical_or": _pairwise(torch.logical_or),
    "logical_xor": _pairwise(torch.logical_xor),
    "maximum": _extremum(torch.maximum),
    "minimum": _extremum(torch.minimum),
    "mod": _pairwise(torch.remainder),  # the result has the divisor's sign
    "mul": _pairwise(torch.mul),
    "not_equal": _pairwise(torch.ne),
    "pow": _pairwise(_pow),
    "real_div": _pairwise(_real_div),
    "sub": _pairwise(torch.sub),
}
