"""Operations on each element of one tensor. `epsilon` is added inside the function, before it is applied."""

from __future__ import annotations

from collections.abc import Callable

import torch

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.tensor_operation_arguments import number, tensor

# What a float becomes when it doesn't fit: the nearest integer of the type, as Apple's processors convert.
_INTEGER_RANGES: dict[str, tuple[int, int]] = {
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (4, 8, 16, 32)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (1, 2, 3, 4, 6, 8, 16, 32)},
}


def _pointwise(function: Callable[[torch.Tensor], torch.Tensor]) -> Kernel:
    def kernel(call: Call) -> torch.Tensor:
        return function(tensor(call["x"]))

    return kernel


def _exp2(x: torch.Tensor) -> torch.Tensor:
    """2^x; in float64 for integers, where float32 may land just under the whole number."""
    return torch.exp2(x if x.is_floating_point() else x.double())


def inverse(call: Call) -> torch.Tensor:
    """1 / (x + epsilon), epsilon 1e-4 by default."""
    return torch.reciprocal(tensor(call["x"]) + call.get("epsilon", 1e-4))


def log(call: Call) -> torch.Tensor:
    """ln(x + epsilon), epsilon 1e-45 by default: the smallest float32 above zero."""
    return torch.log(tensor(call["x"]) + call.get("epsilon", 1e-45))


def rsqrt(call: Call) -> torch.Tensor:
    """1 / sqrt(x + epsilon), epsilon 1e-12 by default."""
    return torch.rsqrt(tensor(call["x"]) + call.get("epsilon", 1e-12))


def clip(call: Call) -> torch.Tensor:
    """min(max(x, alpha), beta)."""
    return torch.clamp(tensor(call["x"]), number(call["alpha"]), number(call["beta"]))


def threshold(call: Call) -> torch.Tensor:
    """max(x, alpha)."""
    return torch.clamp(tensor(call["x"]), min=number(call["alpha"]))


def cast(call: Call) -> torch.Tensor:
    """x in another type: floats truncate towards zero and saturate, integers wrap, bool is x ≠ 0."""
    x, dtype = tensor(call["x"]), str(call["dtype"])
    if dtype == "bool":
        return x != 0
    if dtype in ("fp16", "fp32", "fp64"):
        return x.float()  # the executor rounds to half precision
    if dtype not in _INTEGER_RANGES:
        raise call.unsupported(f"a cast to {dtype}")
    low, high = _INTEGER_RANGES[dtype]
    if x.is_floating_point():
        return torch.nan_to_num(x.double(), nan=0.0).clamp(low, high).trunc().long()
    return (x.long() - low) % (high - low + 1) + low


OPS: dict[str, Kernel] = {
    "abs": _pointwise(torch.abs),
    "acos": _pointwise(torch.acos),
    "asin": _pointwise(torch.asin),
    "atan": _pointwise(torch.atan),
    "atanh": _pointwise(torch.atanh),
    "cast": cast,
    "ceil": _pointwise(torch.ceil),
    "clip": clip,
    "cos": _pointwise(torch.cos),
    "cosh": _pointwise(torch.cosh),
    "erf": _pointwise(torch.erf),
    "exp": _pointwise(torch.exp),
    "exp2": _pointwise(_exp2),
    "floor": _pointwise(torch.floor),
    "inverse": inverse,
    "log": log,
    "logical_not": _pointwise(torch.logical_not),
    "round": _pointwise(torch.round),  # halves go to the even neighbour
    "rsqrt": rsqrt,
    "sign": _pointwise(torch.sign),
    "sin": _pointwise(torch.sin),
    "sinh": _pointwise(torch.sinh),
    "sqrt": _pointwise(torch.sqrt),
    "square": _pointwise(torch.square),
    "tan": _pointwise(torch.tan),
    "tanh": _pointwise(torch.tanh),
    "threshold": threshold,
}
