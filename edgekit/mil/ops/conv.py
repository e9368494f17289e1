"""Convolution: `conv`, `conv_transpose`, `conv_quantized` in 1 to 3 spatial dimensions (MIL iOS15–iOS18)."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.attributes import integer, integers, text
from edgekit.mil.ops.padding import spatial_pads, split_total

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def conv(call: Call) -> torch.Tensor:
    """Cross-correlation of x (n, C_in, *d) with weight (C_out, C_in/groups, *K), zero-padded by pad_type."""
    x, weight, bias = call["x"], call["weight"].to(call["x"].dtype), call["bias"]
    return _convolve(call, x, weight, None if bias is None else bias.to(x.dtype))


def conv_quantized(call: Call) -> torch.Tensor:
    """`conv` with uint8 weights, W = W_quantized · quant_scale + quant_bias, per tensor or output channel.

    Raises:
        ModelError: the weights are a look-up table, whose table the operation has no parameter for.
    """
    kind = text(call, "quantization_type", "linear")
    if kind != "linear":
        raise call.unsupported(f"quantization_type {kind!r}")
    x, bias = call["x"], call["bias"]
    weight = call["weight"].to(x.dtype)
    per_channel = (-1,) + (1,) * (weight.dim() - 1)
    scale, offset = (
        torch.as_tensor(call[name], dtype=x.dtype).reshape(per_channel)
        for name in ("quant_scale", "quant_bias")
    )
    return _convolve(call, x, weight * scale + offset, None if bias is None else bias.to(x.dtype))


def conv_transpose(call: Call) -> torch.Tensor:
    """The gradient of `conv`: weight (C_in, C_out/groups, *K); the full result is cropped as pad_type says.

    The size is output_shape if given, else stride · d ("same"), else the full size less `pad`. Cells that no
    input reaches are zero, plus the bias.
    """
    x, weight = call["x"], call["weight"].to(call["x"].dtype)
    rank = x.dim() - 2
    if rank not in _CONV_TRANSPOSE:
        raise call.unsupported(f"{rank} spatial dimensions")
    strides, dilations = integers(call, "strides", [1] * rank), integers(call, "dilations", [1] * rank)
    groups = integer(call, "groups", 1)
    full = _CONV_TRANSPOSE[rank](x, weight, stride=strides, dilation=dilations, groups=groups)
    available = list(full.shape[2:])

    pad_type = text(call, "pad_type", "valid").lower()
    pad = integers(call, "pad", [0] * 2 * rank) if pad_type == "custom" else [0] * 2 * rank
    if pad_type in ("same", "same_lower"):
        size = [stride * side for stride, side in zip(strides, x.shape[2:], strict=True)]
    elif pad_type in ("valid", "custom"):
        size = [side - pad[2 * i] - pad[2 * i + 1] for i, side in enumerate(available)]
    else:
        raise call.unsupported(f"pad_type {pad_type!r}")
    if call["output_shape"] is not None:
        size = integers(call, "output_shape", [])[-rank:]
    before = [pad[2 * i] for i in range(rank)]
    if pad_type in ("same", "same_lower"):
        totals = [max(0, side - target) for side, target in zip(available, size, strict=True)]
        before = [split_total(total, lower=pad_type == "same_lower")[0] for total in totals]

    crop: list[int] = []  # F.pad takes the last dimension first; a negative amount crops
    for start, side, target in reversed(list(zip(before, available, size, strict=True))):
        crop += [-start, target - (side - start)]
    result = F.pad(full, crop) if any(crop) else full
    bias = call["bias"]
    return result if bias is None else result + bias.to(x.dtype).reshape((1, -1) + (1,) * rank)


def _convolve(call: Call, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    rank = x.dim() - 2
    if rank not in _CONV:
        raise call.unsupported(f"{rank} spatial dimensions")
    strides, dilations = integers(call, "strides", [1] * rank), integers(call, "dilations", [1] * rank)
    reach = [(k - 1) * dilation + 1 for k, dilation in zip(weight.shape[2:], dilations, strict=True)]
    pads = spatial_pads(call, x.shape[2:], reach, strides)
    groups = integer(call, "groups", 1)
    if all(before == after for before, after in pads):
        around = [before for before, _ in pads]
        return _CONV[rank](x, weight, bias, stride=strides, padding=around, dilation=dilations, groups=groups)
    padded = F.pad(x, [amount for pair in reversed(pads) for amount in pair])
    return _CONV[rank](padded, weight, bias, stride=strides, dilation=dilations, groups=groups)


OPS: dict[str, Kernel] = {"conv": conv, "conv_quantized": conv_quantized, "conv_transpose": conv_transpose}
