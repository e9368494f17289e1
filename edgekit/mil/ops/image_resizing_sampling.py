"""Sampling an image at points and in boxes: `resample`, `affine`, `crop_resize` (MIL iOS15–iOS18)."""

from __future__ import annotations

import torch

from edgekit.errors import ModelError
from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.attributes import flag, integer, number, text, to_integers
from edgekit.mil.ops.image_resizing_grid import SAMPLING_MODES, grid_points, interpolate

_BOX_MODES = (
    "CORNERS_HEIGHT_FIRST",
    "CORNERS_WIDTH_FIRST",
    "CENTER_SIZE_HEIGHT_FIRST",
    "CENTER_SIZE_WIDTH_FIRST",
)


def resample(call: Call) -> torch.Tensor:
    """x (B, C, H, W) at coordinates (B, H2, W2, 2), each (x, y), bilinearly or at the nearest pixel."""
    return _sample(call, call["x"], call["coordinates"])


def affine(call: Call) -> torch.Tensor:
    """x (B, C, H, W) at A · (x, y, 1), for the output's normalised coordinates; transform_matrix A is (D, 6).

    The output's coordinates run over the same range, with the same align_corners, as the input's.
    """
    x = call["x"]
    height, width = integer(call, "output_height", 1), integer(call, "output_width", 1)
    if text(call, "coordinates_mode", "normalized_minus_one_to_one").lower() != "normalized_minus_one_to_one":
        raise call.unsupported(f"coordinates_mode {call['coordinates_mode']!r}")
    align = flag(call, "align_corners", True)
    rows, columns = torch.meshgrid(_centres(height, align), _centres(width, align), indexing="ij")
    points = torch.stack((columns, rows, torch.ones_like(rows)), dim=-1).to(x.dtype)
    matrix = call["transform_matrix"].to(x.dtype).reshape(-1, 2, 3).expand(x.shape[0], 2, 3)
    return _sample(call, x, torch.einsum("hwk,bjk->bhwj", points, matrix))


def crop_resize(call: Call) -> torch.Tensor:
    """Boxes of x (B, C, H, W), each resized to (target_height, target_width).

    iOS15/16 `roi` (N, 1, 4, 1, 1) cuts every box from every image: (N, B, C, h, w); (N, 1, 5, 1, 1) names one
    image per box first: (N, 1, C, h, w). iOS17 `boxes` (N, 4) with `box_indices` (N,): (N, C, h, w). A point
    outside the image is pad_value, without blending.

    Raises:
        ModelError: a box names an image that the batch doesn't have.
    """
    x = call["x"]
    height, width = integer(call, "target_height", 1), integer(call, "target_width", 1)
    images: list[int] | None
    if call["boxes"] is not None:
        boxes = call["boxes"].double()
        images = to_integers(call.get("box_indices", list(range(boxes.shape[0]))))
    else:
        boxes = call["roi"].double().flatten(1)
        images = None
        if boxes.shape[1] == 5:
            images, boxes = to_integers(boxes[:, 0]), boxes[:, 1:]
    for image in images or ():
        if not 0 <= image < x.shape[0]:
            raise ModelError(
                f"Operation {call.name!r} of type {call.type!r} cuts image {image} of {x.shape[0]}.",
                remedy="Check the model's box indices: they count the images of the batch from 0.",
            )
    crops = [
        _crop(call, x if images is None else x[images[i]], box, height, width)
        for i, box in enumerate(_corners(call, boxes, x.shape[-2], x.shape[-1]))
    ]
    empty = x.new_empty((0, *(x.shape[:2] if images is None else x.shape[1:2]), height, width))
    result = torch.stack(crops) if crops else empty
    return result.unsqueeze(1) if call["boxes"] is None and images is not None else result


def _corners(call: Call, boxes: torch.Tensor, height: int, width: int) -> list[list[float]]:
    """(top, left, bottom, right) of each box in pixels of the input, both ends counted."""
    mode = text(call, "box_coordinate_mode", "CORNERS_HEIGHT_FIRST")
    if mode not in _BOX_MODES:
        raise call.unsupported(f"box_coordinate_mode {mode!r}")
    if mode.endswith("WIDTH_FIRST"):
        boxes = boxes[:, [1, 0, 3, 2]]
    if mode.startswith("CENTER_SIZE"):
        centre, half = boxes[:, :2], boxes[:, 2:] / 2
        boxes = torch.cat((centre - half, centre + half), dim=1)
    boxes = boxes * number(call, "spatial_scale", 1.0)
    if flag(call, "normalized_coordinates"):
        boxes = boxes * torch.tensor([height - 1, width - 1, height - 1, width - 1], dtype=boxes.dtype)
    corners: list[list[float]] = boxes.tolist()
    return corners


def _crop(call: Call, image: torch.Tensor, box: list[float], height: int, width: int) -> torch.Tensor:
    mode = text(call, "sampling_mode", "DEFAULT")
    if mode not in SAMPLING_MODES:
        raise call.unsupported(f"sampling_mode {mode!r}")
    top, left, bottom, right = box
    if mode == "UNALIGN_CORNERS":
        # An inverted box samples the whole input: coremltools' own test of this mode records that of Core ML.
        top, bottom = (0.0, image.shape[-2] - 1.0) if bottom < top else (top, bottom)
        left, right = (0.0, image.shape[-1] - 1.0) if right < left else (left, right)
    rows = grid_points(call, mode, top, bottom, height)
    columns = grid_points(call, mode, left, right, width)
    patch = interpolate(interpolate(image, rows, image.dim() - 2), columns, image.dim() - 1)
    inside = _within(rows, image.shape[-2])[:, None] & _within(columns, image.shape[-1])[None, :]
    return patch if bool(inside.all()) else patch.masked_fill(~inside, number(call, "pad_value", 0.0))


def _within(points: torch.Tensor, size: int) -> torch.Tensor:
    slack = 1e-6 * size  # a box that ends on the last pixel must not miss it by a rounding error
    return (points >= -slack) & (points <= size - 1 + slack)


def _centres(count: int, align_corners: bool) -> torch.Tensor:
    """The normalised coordinates of the centres of `count` pixels: the corner ones at ±1 if aligned.

    A single pixel lies at 0, as in PyTorch's affine_grid.
    """
    if align_corners and count > 1:
        return torch.linspace(-1.0, 1.0, count, dtype=torch.float64)
    return (2 * torch.arange(count, dtype=torch.float64) + 1) / count - 1


def _sample(call: Call, x: torch.Tensor, coordinates: torch.Tensor) -> torch.Tensor:
    padding = text(call, "padding_mode", "constant").lower()
    sampling = text(call, "sampling_mode", "bilinear").lower()
    across = _pixels(call, coordinates[..., 0], x.shape[3])
    down = _pixels(call, coordinates[..., 1], x.shape[2])
    if padding == "border":
        across, down = across.clamp(0, x.shape[3] - 1), down.clamp(0, x.shape[2] - 1)
    elif padding in ("reflection", "symmetric"):
        across, down = (
            _reflect(points, size, padding) for points, size in ((across, x.shape[3]), (down, x.shape[2]))
        )
    elif padding != "constant":
        raise call.unsupported(f"padding_mode {padding!r}")
    value = number(call, "padding_value", 0.0)
    if sampling == "nearest":
        return _pick(x, down.round(), across.round(), value)
    if sampling != "bilinear":
        raise call.unsupported(f"sampling_mode {sampling!r}")
    row, column = down.floor(), across.floor()
    bottom, right = (down - row).unsqueeze(1), (across - column).unsqueeze(1)
    upper = _pick(x, row, column, value) * (1 - right) + _pick(x, row, column + 1, value) * right
    lower = _pick(x, row + 1, column, value) * (1 - right) + _pick(x, row + 1, column + 1, value) * right
    return upper * (1 - bottom) + lower * bottom


def _pixels(call: Call, points: torch.Tensor, size: int) -> torch.Tensor:
    """Coordinates along one axis of `size` pixels as float32 pixel positions."""
    points = points.to(torch.float32)
    mode = text(call, "coordinates_mode", "unnormalized").lower()
    if mode == "unnormalized":
        return points
    if mode == "normalized_minus_one_to_one":
        points = (points + 1) / 2
    elif mode != "normalized_zero_to_one":
        raise call.unsupported(f"coordinates_mode {mode!r}")
    return points * (size - 1) if flag(call, "align_corners") else points * size - 0.5


def _reflect(points: torch.Tensor, size: int, padding: str) -> torch.Tensor:
    """Positions folded back into the axis, about its end pixels ("reflection") or their outer edges."""
    low, span = (0.0, size - 1.0) if padding == "reflection" else (-0.5, float(size))
    if span == 0:
        return torch.zeros_like(points)
    folded = (points - low).abs() % (2 * span)
    return (torch.minimum(folded, 2 * span - folded) + low).clamp(0, size - 1)


def _pick(x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, value: float) -> torch.Tensor:
    """x (B, C, H, W) at whole positions (B, h, w): (B, C, h, w), `value` for what lies outside."""
    height, width = x.shape[2:]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    index = (
        rows.nan_to_num(0).clamp(0, height - 1).long() * width
        + columns.nan_to_num(0).clamp(0, width - 1).long()
    )
    flat = index.flatten(1).unsqueeze(1).expand(-1, x.shape[1], -1)
    picked = x.flatten(2).gather(2, flat).reshape(x.shape[0], x.shape[1], *rows.shape[1:])
    return picked.where(inside.unsqueeze(1), torch.tensor(value, dtype=x.dtype))


OPS: dict[str, Kernel] = {"affine": affine, "crop_resize": crop_resize, "resample": resample}
