"""Pooling: `avg_pool`, `max_pool` over 1 to 3 spatial dimensions, `l2_pool` over 1 or 2 (MIL iOS15–iOS18)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.attributes import flag, integers
from edgekit.mil.ops.padding import spatial_pads

_AVERAGE: dict[int, Callable[..., torch.Tensor]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_MAXIMUM: dict[int, Callable[..., torch.Tensor]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


@dataclass(frozen=True, slots=True)
class _Windows:
    """Where the windows lie: `declared` padding, and the `extra` that ceil_mode's last window overhangs."""

    kernel: list[int]
    strides: list[int]
    declared: list[tuple[int, int]]
    extra: list[int]

    @property
    def padded(self) -> bool:
        return any(before or after for before, after in self.declared) or any(self.extra)

    def pad(self, x: torch.Tensor, value: float) -> torch.Tensor:
        amounts: list[int] = []  # F.pad takes the last dimension first
        for (before, after), extra in reversed(list(zip(self.declared, self.extra, strict=True))):
            amounts += [before, after + extra]
        return F.pad(x, amounts, value=value)


def max_pool(call: Call) -> torch.Tensor:
    """The largest element of each window; padding never wins."""
    x, windows = call["x"], _windows(call)
    padded = windows.pad(x, -math.inf) if windows.padded else x
    return _MAXIMUM[x.dim() - 2](padded, windows.kernel, windows.strides)


def avg_pool(call: Call) -> torch.Tensor:
    """The mean of each window.

    Declared padding counts as zeros, unless exclude_padding_from_average; what ceil_mode adds beyond it never
    counts (PyTorch's rule, which MIL refers to).
    """
    x, windows = call["x"], _windows(call)
    pool = _AVERAGE[x.dim() - 2]
    if not windows.padded:
        return pool(x, windows.kernel, windows.strides)
    total = pool(windows.pad(x, 0.0), windows.kernel, windows.strides)
    counted = x.new_ones((1, 1, *x.shape[2:]))
    if flag(call, "exclude_padding_from_average"):
        counted = windows.pad(counted, 0.0)
    else:
        amounts = [amount for pair in reversed(windows.declared) for amount in pair]
        beyond = [amount for extra in reversed(windows.extra) for amount in (0, extra)]
        counted = F.pad(F.pad(counted, amounts, value=1.0), beyond)
    share = pool(counted, windows.kernel, windows.strides)  # the share of each window that counts
    return total / share.clamp(min=1.0 / math.prod(windows.kernel))


def l2_pool(call: Call) -> torch.Tensor:
    """The square root of the sum of squares of each window."""
    x, windows = call["x"], _windows(call)
    squares = windows.pad(x, 0.0).square()
    mean = _AVERAGE[x.dim() - 2](squares, windows.kernel, windows.strides)
    return (mean * math.prod(windows.kernel)).sqrt()


def _windows(call: Call) -> _Windows:
    sizes = call["x"].shape[2:]
    if len(sizes) not in _AVERAGE:
        raise call.unsupported(f"{len(sizes)} spatial dimensions")
    kernel = integers(call, "kernel_sizes", [])
    strides = integers(call, "strides", [1] * len(sizes))
    declared = spatial_pads(call, sizes, kernel, strides)
    extra = [0] * len(sizes)
    if flag(call, "ceil_mode"):
        for i, (size, (before, after)) in enumerate(zip(sizes, declared, strict=True)):
            whole = size + before + after
            count = -(-(whole - kernel[i]) // strides[i]) + 1
            if (count - 1) * strides[i] >= size + before and before + after > 0:
                count -= 1  # the last window would start in the padding after the input
            extra[i] = max(0, (count - 1) * strides[i] + kernel[i] - whole)
    return _Windows(kernel, strides, declared, extra)


OPS: dict[str, Kernel] = {"avg_pool": avg_pool, "l2_pool": l2_pool, "max_pool": max_pool}
