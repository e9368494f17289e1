"""Products of matrices."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.tensor_operation_arguments import flag


def _same_type(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both in their common type: from iOS17 on a constant may have another type than the activation."""
    if x.dtype == y.dtype:
        return x, y
    common = torch.promote_types(x.dtype, y.dtype)
    return x.to(common), y.to(common)


def linear(call: Call) -> torch.Tensor:
    """x·weightᵀ + bias: x `[*, D_in]`, weight `[D_out, D_in]`, bias `[D_out]`, zero by default."""
    x, weight = _same_type(call["x"], call["weight"])
    bias = call["bias"]
    if not x.is_floating_point():
        product = torch.matmul(x, weight.mT)
        return product if bias is None else product + bias
    return F.linear(x, weight, None if bias is None else bias.to(x.dtype))


def matmul(call: Call) -> torch.Tensor:
    """x·y with NumPy's batching; `transpose_x` and `transpose_y` swap the last two axes of a matrix."""
    x, y = _same_type(call["x"], call["y"])
    if x.dim() > 1 and flag(call.get("transpose_x", False)):
        x = x.mT
    if y.dim() > 1 and flag(call.get("transpose_y", False)):
        y = y.mT
    return torch.matmul(x, y)


def einsum(call: Call) -> torch.Tensor:
    """The Einstein sum of two tensors; axes of length 1 broadcast, as in `nchw,nwhu->nchu`."""
    x, y = call["values"]
    return torch.einsum(str(call["equation"]), *_same_type(x, y))


OPS: dict[str, Kernel] = {"einsum": einsum, "linear": linear, "matmul": matmul}
