"""Where a resized image is sampled: MIL's five sampling modes, and interpolation along one axis."""

from __future__ import annotations

import math

import torch

from edgekit.mil.call import Call

SAMPLING_MODES = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "UNALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS")


def grid_points(call: Call, mode: str, start: float, end: float, count: int) -> torch.Tensor:
    """The `count` positions sampled from the interval of pixels [start, end]; end may lie before start.

    The documentation of `resize_bilinear` gives each mode for [0, X − 1]; here X − 1 is end − start, and
    every point stays inside the interval.

    Returns:
        float64, shape (count,).

    Raises:
        ModelError: an unknown mode.
    """
    steps = torch.arange(count, dtype=torch.float64)
    length = end - start
    size = length + math.copysign(1.0, length)  # in pixels, both ends counted
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        if count == 1:
            middle = (start + end) / 2 if mode == "ALIGN_CORNERS" else start
            return torch.tensor([middle], dtype=torch.float64)
        points = start + steps * length / (count - 1)
    elif mode == "DEFAULT":
        points = start + steps * size / count
    elif mode == "UNALIGN_CORNERS":
        points = start + (steps + 0.5) * size / count - math.copysign(0.5, length)
    elif mode == "OFFSET_CORNERS":
        points = start + (steps + 0.5) * math.copysign(max(1.0, abs(length)), length) / count
    else:
        raise call.unsupported(f"sampling_mode {mode!r}")
    return points.clamp(min(start, end), max(start, end))


def interpolate(x: torch.Tensor, points: torch.Tensor, axis: int) -> torch.Tensor:
    """x sampled linearly along `axis` at `points` (float64, pixels; they are clamped to the axis)."""
    last = x.shape[axis] - 1
    points = points.clamp(0, last)
    below = points.floor().long()
    above = (below + 1).clamp(max=last)
    shape = [1] * x.dim()
    shape[axis] = -1
    weight = (points - below).to(x.dtype).reshape(shape)
    return x.index_select(axis, below) * (1 - weight) + x.index_select(axis, above) * weight
