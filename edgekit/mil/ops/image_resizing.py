"""Resizing and cropping of the last axes: `resize*`, `upsample_*`, `crop` (MIL iOS15–iOS18).

Points and boxes (`resample`, `affine`, `crop_resize`) are in image_resizing_sampling.
"""

from __future__ import annotations

import torch

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.attributes import flag, integer, integers, number, text
from edgekit.mil.ops.image_resizing_grid import grid_points, interpolate


def resize_bilinear(call: Call) -> torch.Tensor:
    """The last two axes to the target size, sampled linearly as sampling_mode says."""
    target = [integer(call, "target_size_height", 1), integer(call, "target_size_width", 1)]
    return _linear(call, call["x"], target, text(call, "sampling_mode", "DEFAULT"))


def upsample_bilinear(call: Call) -> torch.Tensor:
    """Linear, to floor(size · scale), with the spacing recomputed from that size.

    align_corners keeps the corners in place; half_pixel_centers (by default its opposite) samples at the
    pixels' centres; neither is spacing X_in / X_out from 0.
    """
    align = flag(call, "align_corners", True)
    half = flag(call, "half_pixel_centers", not align)
    if align and half:
        raise call.unsupported("align_corners together with half_pixel_centers")
    mode = "STRICT_ALIGN_CORNERS" if align else "UNALIGN_CORNERS" if half else "DEFAULT"
    return _linear(call, call["x"], _scaled_size(call), mode)


def upsample_nearest_neighbor(call: Call) -> torch.Tensor:
    """Output pixel i is input pixel floor(i · X_in / X_out), with X_out = floor(X_in · scale)."""
    return _nearest(call["x"], _scaled_size(call), half_pixel=False)


def resize_nearest_neighbor(call: Call) -> torch.Tensor:
    """Output pixel i is the input pixel under its centre, floor((i + ½) · X_in / X_out).

    The documentation leaves the rule open; coremltools converts TensorFlow's half_pixel_centers form to this
    operation and the other form to `upsample_nearest_neighbor`.
    """
    target = [integer(call, "target_size_height", 1), integer(call, "target_size_width", 1)]
    return _nearest(call["x"], target, half_pixel=True)


def resize(call: Call) -> torch.Tensor:
    """iOS17: the last `resized_dims` axes to the last entries of `shape` (0 keeps one), linear or nearest.

    DEFAULT is the pixel-centre rule of `resize_nearest_neighbor` when nearest; the other modes then take the
    pixel nearest to the grid point, the upper one of two.
    """
    x = call["x"]
    count = integer(call, "resized_dims", 0)
    target = integers(call, "shape", [])
    target = target[len(target) - count :]
    target = [wanted or size for wanted, size in zip(target, x.shape[x.dim() - count :], strict=True)]
    mode = text(call, "sampling_mode", "DEFAULT")
    interpolation = text(call, "interpolation_mode", "LINEAR")
    if interpolation == "LINEAR":
        return _linear(call, x, target, mode)
    if interpolation != "NEAREST_NEIGHBOR":
        raise call.unsupported(f"interpolation_mode {interpolation!r}")
    if mode == "DEFAULT":
        return _nearest(x, target, half_pixel=True)
    for axis, size in enumerate(target, start=x.dim() - count):
        points = grid_points(call, mode, 0.0, x.shape[axis] - 1.0, size)
        x = x.index_select(axis, (points + 0.5).floor().long().clamp(max=x.shape[axis] - 1))
    return x


def crop(call: Call) -> torch.Tensor:
    """Takes (top, bottom) = crop_height and (left, right) = crop_width off the last two axes."""
    x = call["x"]
    top, bottom = integers(call, "crop_height", [0, 0])
    left, right = integers(call, "crop_width", [0, 0])
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


def _scaled_size(call: Call) -> list[int]:
    x = call["x"]
    scales = (number(call, "scale_factor_height", 1.0), number(call, "scale_factor_width", 1.0))
    # In float32, as the declared shape was computed: 5 · float32(1.4) is 7 there and 6.9999999 in float64.
    return [
        int(torch.tensor(scale, dtype=torch.float32).mul(size).floor())
        for scale, size in zip(scales, x.shape[-2:], strict=True)
    ]


def _linear(call: Call, x: torch.Tensor, target: list[int], mode: str) -> torch.Tensor:
    if not x.is_floating_point():
        x = x.to(torch.float64)
    for axis, size in enumerate(target, start=x.dim() - len(target)):
        x = interpolate(x, grid_points(call, mode, 0.0, x.shape[axis] - 1.0, size), axis)
    return x


def _nearest(x: torch.Tensor, target: list[int], *, half_pixel: bool) -> torch.Tensor:
    for axis, size in enumerate(target, start=x.dim() - len(target)):
        steps = torch.arange(size)
        source = (
            (2 * steps + 1) * x.shape[axis] // (2 * size) if half_pixel else steps * x.shape[axis] // size
        )
        x = x.index_select(axis, source)
    return x


OPS: dict[str, Kernel] = {
    "crop": crop,
    "resize": resize,
    "resize_bilinear": resize_bilinear,
    "resize_nearest_neighbor": resize_nearest_neighbor,
    "upsample_bilinear": upsample_bilinear,
    "upsample_nearest_neighbor": upsample_nearest_neighbor,
}
