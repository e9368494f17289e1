"""Quantization of activations: `quantize`, `dequantize` (MIL iOS17), per tensor or along one axis."""

from __future__ import annotations

import torch

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.attributes import integer, text

_INTEGERS = {"int8": (torch.int8, -128, 127), "uint8": (torch.uint8, 0, 255)}


def quantize(call: Call) -> torch.Tensor:
    """clip(round(input / scale) + zero_point) as output_dtype, rounding halves to even."""
    name = text(call, "output_dtype", "")
    if name not in _INTEGERS:
        raise call.unsupported(f"output_dtype {name!r}")
    dtype, low, high = _INTEGERS[name]
    rounded = (call["input"] / _along_axis(call, "scale")).round()
    if call["zero_point"] is not None:
        rounded = rounded + _along_axis(call, "zero_point")
    return rounded.clamp(low, high).to(dtype)


def dequantize(call: Call) -> torch.Tensor:
    """scale · (input − zero_point)."""
    values = call["input"].to(torch.float32)
    if call["zero_point"] is not None:
        values = values - _along_axis(call, "zero_point")
    return values * _along_axis(call, "scale")


def _along_axis(call: Call, name: str) -> torch.Tensor:
    """A scalar parameter, or a vector one laid along the call's `axis`, as float32."""
    values = torch.as_tensor(call[name]).to(torch.float32)
    if values.dim() == 0:
        return values
    shape = [1] * call["input"].dim()
    shape[integer(call, "axis", 0)] = -1
    return values.reshape(shape)


OPS: dict[str, Kernel] = {"dequantize": dequantize, "quantize": quantize}
