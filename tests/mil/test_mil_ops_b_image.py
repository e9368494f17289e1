"""Image resizing kernels against the grids that MIL documents, torch's interpolation, and hand-made cases."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from edgekit.errors import ModelError
from edgekit.mil.call import Call
from edgekit.mil.ops import image_resizing, image_resizing_sampling

OPS = {**image_resizing.OPS, **image_resizing_sampling.OPS}


def run(op_type: str, **inputs: Any) -> torch.Tensor:
    op = SimpleNamespace(op_type=op_type, name="op")
    return OPS[op_type](Call(op, inputs, (), lambda *_: (), {}, torch.Generator().manual_seed(0)))


def ramp(*shape: int) -> torch.Tensor:
    return torch.arange(1, torch.Size(shape).numel() + 1, dtype=torch.float32).reshape(shape)


# The grids printed in the documentation of resize_bilinear, for the pixels 0 and 1.
GRIDS = [
    (5, "UNALIGN_CORNERS", [0.0, 0.1, 0.5, 0.9, 1.0]),
    (5, "STRICT_ALIGN_CORNERS", [0.0, 0.25, 0.5, 0.75, 1.0]),
    (5, "ALIGN_CORNERS", [0.0, 0.25, 0.5, 0.75, 1.0]),
    (5, "DEFAULT", [0.0, 0.4, 0.8, 1.0, 1.0]),
    (5, "OFFSET_CORNERS", [0.1, 0.3, 0.5, 0.7, 0.9]),
    (6, "UNALIGN_CORNERS", [0.0, 0.0, 1 / 3, 2 / 3, 1.0, 1.0]),
    (6, "STRICT_ALIGN_CORNERS", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    (6, "DEFAULT", [0.0, 1 / 3, 2 / 3, 1.0, 1.0, 1.0]),
    (6, "OFFSET_CORNERS", [0.5 / 6, 1.5 / 6, 2.5 / 6, 3.5 / 6, 4.5 / 6, 5.5 / 6]),
    (1, "STRICT_ALIGN_CORNERS", [0.0]),
    (1, "ALIGN_CORNERS", [0.5]),
]


@pytest.mark.parametrize(("size", "mode", "expected"), GRIDS)
def test_bilinear_grids_are_the_documented_ones(size: int, mode: str, expected: list[float]) -> None:
    x = torch.tensor([[[0.0, 1.0]]])
    bilinear = run("resize_bilinear", x=x, target_size_height=1, target_size_width=size, sampling_mode=mode)
    resized = run("resize", x=x, shape=torch.tensor([1, size]), resized_dims=1, sampling_mode=mode)
    assert bilinear.flatten().tolist() == pytest.approx(expected, abs=1e-6)
    assert torch.equal(resized, bilinear)


@given(
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    scale=st.sampled_from([0.5, 0.75, 1.0, 1.4, 2.0, 2.5, 3.0]),
    align=st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_upsample_bilinear_is_torchs_with_a_recomputed_scale(
    height: int, width: int, scale: float, align: bool
) -> None:
    sizes = (int(torch.tensor(scale).mul(height)), int(torch.tensor(scale).mul(width)))
    if 0 in sizes:
        return
    x = torch.randn(2, 3, height, width)
    result = run(
        "upsample_bilinear", x=x, scale_factor_height=scale, scale_factor_width=scale, align_corners=align
    )
    reference = F.interpolate(x, sizes, mode="bilinear", align_corners=align)
    torch.testing.assert_close(result, reference, atol=1e-5, rtol=1e-5)


def test_upsample_bilinear_from_zero_without_half_pixel_centers() -> None:
    result = run(
        "upsample_bilinear",
        x=torch.tensor([[[1.0, 2.0]]]),
        scale_factor_width=3,
        align_corners=False,
        half_pixel_centers=False,
    )
    assert result.flatten().tolist() == pytest.approx([1, 4 / 3, 5 / 3, 2, 2, 2])


@given(size=st.integers(1, 9), target=st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_nearest_neighbours_are_torchs_two_rules(size: int, target: int) -> None:
    x = torch.randn(1, 1, 1, size)
    centred = run("resize_nearest_neighbor", x=x, target_size_height=1, target_size_width=target)
    assert torch.equal(centred, F.interpolate(x, (1, target), mode="nearest-exact"))
    general = run("resize", x=x, shape=[target], resized_dims=1, interpolation_mode="NEAREST_NEIGHBOR")
    assert torch.equal(general, centred)
    if target % size == 0:
        cornered = run("upsample_nearest_neighbor", x=x, scale_factor_width=target // size)
        assert torch.equal(cornered, F.interpolate(x, (1, target), mode="nearest"))


def test_resize_keeps_the_axes_whose_entry_is_zero() -> None:
    x = ramp(2, 3, 4)
    assert run("resize", x=x, shape=[9, 9, 0, 8], resized_dims=2).shape == (2, 3, 8)
    integers = torch.tensor([[[2, 4]]], dtype=torch.int32)
    assert run("resize", x=integers, shape=[0, 4], resized_dims=2).flatten().tolist() == [2, 3, 4, 4]


def test_resize_refuses_an_unknown_mode() -> None:
    with pytest.raises(ModelError, match=r"type 'resize' uses sampling_mode 'CUBIC'"):
        run("resize", x=ramp(1, 2), shape=[4], resized_dims=1, sampling_mode="CUBIC")


def test_crop_takes_rows_and_columns_off() -> None:
    result = run("crop", x=ramp(1, 4, 4), crop_height=[0, 1], crop_width=[1, 1])
    assert result.tolist() == [[[2.0, 3.0], [6.0, 7.0], [10.0, 11.0]]]


@pytest.mark.parametrize(
    ("mode", "box"),
    [
        ("CORNERS_HEIGHT_FIRST", [0, 1, 2, 3]),
        ("CORNERS_WIDTH_FIRST", [1, 0, 3, 2]),
        ("CENTER_SIZE_HEIGHT_FIRST", [1, 2, 2, 2]),
        ("CENTER_SIZE_WIDTH_FIRST", [2, 1, 2, 2]),
    ],
)
def test_crop_resize_reads_each_box_convention(mode: str, box: list[int]) -> None:
    x = ramp(2, 1, 4, 4)
    size = {
        "target_height": 3,
        "target_width": 3,
        "box_coordinate_mode": mode,
        "sampling_mode": "ALIGN_CORNERS",
    }
    boxes = torch.tensor([box], dtype=torch.float32)
    one = run("crop_resize", x=x, boxes=boxes, box_indices=torch.tensor([1]), **size)
    assert torch.equal(one, x[1:, :, 0:3, 1:4])
    every = run("crop_resize", x=x, roi=boxes.reshape(1, 1, 4, 1, 1), **size)
    assert torch.equal(every, x[None, :, :, 0:3, 1:4])
    indexed = torch.tensor([1.0, *box]).reshape(1, 1, 5, 1, 1)
    assert torch.equal(run("crop_resize", x=x, roi=indexed, **size), x[None, 1:, :, 0:3, 1:4])


def test_crop_resize_scales_boxes_and_pads_what_lies_outside() -> None:
    arguments = {
        "target_height": 1,
        "target_width": 3,
        "sampling_mode": "STRICT_ALIGN_CORNERS",
        "pad_value": -7.0,
    }
    box = torch.tensor([[0.0, 2.0, 0.0, 10.0]])
    result = run("crop_resize", x=ramp(1, 1, 4, 4), boxes=box, spatial_scale=0.5, **arguments)
    assert result.flatten().tolist() == [2.0, 4.0, -7.0]  # columns 1, 3 and 5 of the first row
    unit = torch.tensor([[0.0, 1.0, 1.0, 0.0]])  # normalised, and inverted from right to left
    flipped = run("crop_resize", x=ramp(1, 1, 1, 3), boxes=unit, normalized_coordinates=True, **arguments)
    assert flipped.flatten().tolist() == [3.0, 2.0, 1.0]


def test_crop_resize_without_boxes_is_empty_and_a_strange_image_is_an_error() -> None:
    x = ramp(2, 1, 4, 4)
    assert run("crop_resize", x=x, boxes=torch.zeros(0, 4), target_height=2, target_width=3).shape == (
        0,
        1,
        2,
        3,
    )
    with pytest.raises(ModelError, match="cuts image 2 of 2"):
        run("crop_resize", x=x, boxes=torch.zeros(1, 4), box_indices=torch.tensor([2]))


@pytest.mark.parametrize(
    "mode", ["STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "UNALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS"]
)
def test_cropping_the_whole_image_is_resizing_it(mode: str) -> None:
    x = torch.randn(1, 2, 5, 4)
    box = torch.tensor([[0.0, 0.0, 4.0, 3.0]])
    cropped = run("crop_resize", x=x, boxes=box, target_height=7, target_width=3, sampling_mode=mode)
    resized = run("resize_bilinear", x=x, target_size_height=7, target_size_width=3, sampling_mode=mode)
    torch.testing.assert_close(cropped, resized)


@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("sampling", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_resample_is_torchs_grid_sample(padding: str, sampling: str, align: bool) -> None:
    torch.manual_seed(3)
    x, points = torch.randn(2, 3, 5, 4), torch.rand(2, 6, 7, 2) * 5 - 2.5
    # torch reflects about the end pixels when it aligns corners, and about their outer edges when it doesn't
    names = {"zeros": "constant", "border": "border", "reflection": "reflection" if align else "symmetric"}
    arguments = {"x": x, "sampling_mode": sampling, "padding_mode": names[padding], "align_corners": align}
    reference = F.grid_sample(x, points, sampling, padding, align)
    minus = run("resample", coordinates=points, coordinates_mode="normalized_minus_one_to_one", **arguments)
    torch.testing.assert_close(minus, reference, atol=1e-5, rtol=1e-5)
    unit = run(
        "resample", coordinates=(points + 1) / 2, coordinates_mode="normalized_zero_to_one", **arguments
    )
    torch.testing.assert_close(unit, reference, atol=1e-4, rtol=1e-4)


def test_resample_blends_with_the_padding_value_at_integer_coordinates_too() -> None:
    arguments = {"sampling_mode": "bilinear", "padding_mode": "constant", "padding_value": 10.0}
    points = torch.tensor([[[[-0.5, 0.0], [1.0, 0.0], [float("nan"), 0.0]]]])
    result = run(
        "resample", x=ramp(1, 1, 1, 2), coordinates=points, coordinates_mode="unnormalized", **arguments
    )
    assert result.flatten()[:2].tolist() == [5.5, 2.0]
    bytes_ = torch.tensor([[[[1, 0]]]], dtype=torch.uint8)
    result = run(
        "resample", x=ramp(1, 1, 1, 2), coordinates=bytes_, coordinates_mode="unnormalized", **arguments
    )
    assert result.flatten().tolist() == [2.0]


@pytest.mark.parametrize("align", [True, False])
def test_affine_is_torchs_affine_grid_with_a_matrix_per_image_or_one(align: bool) -> None:
    x, matrix = torch.randn(2, 3, 5, 4), torch.randn(2, 6)
    arguments = {"x": x, "output_height": 3, "output_width": 6, "align_corners": align}
    for given_matrix in (matrix, matrix[:1]):
        theta = given_matrix.reshape(-1, 2, 3).expand(2, 2, 3)
        grid = F.affine_grid(theta, [2, 3, 3, 6], align_corners=align)
        result = run(
            "affine",
            transform_matrix=given_matrix,
            coordinates_mode="normalized_minus_one_to_one",
            **arguments,
        )
        torch.testing.assert_close(result, F.grid_sample(x, grid, align_corners=align), atol=1e-4, rtol=1e-4)
