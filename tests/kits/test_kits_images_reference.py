"""The preparation in integers is Pillow's, bit for bit; golden images hold what the front end gives."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

from edgekit.kits.images import ImageInput, golden_images, write_golden_images
from edgekit.kits.images.golden import SIZES, WHOLE
from edgekit.kits.images.reference import PRECISION_BITS, prepare, taps
from edgekit.models.images.front_end import ImageFrontEnd


def by_pil(rgba: bytes, width: int, height: int, given: ImageInput) -> bytes:
    image = Image.frombytes("RGBA", (width, height), rgba)
    return ImageFrontEnd(given.size, given.shortest_edge).pixels(image).tobytes()


@settings(max_examples=150, deadline=None)
@given(
    some.integers(1, 70), some.integers(1, 70), some.integers(1, 24), some.integers(1, 24),
    some.integers(0, 2**32 - 1), some.booleans(),
)  # fmt: skip
def test_the_integers_are_pillows(
    width: int, height: int, size: int, edge: int, seed: int, harsh: bool
) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    rgba = (np.where(values > 127, 255, 0).astype(np.uint8) if harsh else values).tobytes()
    asked = ImageInput(size, edge)
    assert prepare(rgba, width, height, asked) == by_pil(rgba, width, height, asked)


@settings(max_examples=60, deadline=None)
@given(some.integers(1, 5000), some.integers(1, 600))
def test_weights_of_any_reduction_are_pillows(source: int, target: int) -> None:
    """A line of pixels shows its weights; sizes are those of photos."""
    line = np.random.default_rng(source).integers(0, 256, source, dtype=np.uint8)
    expected = np.asarray(Image.fromarray(line[None]).resize((target, 1), Image.Resampling.BILINEAR))[0]
    for place in {0, target // 3, target // 2, target - 1}:
        first, weights = taps(source, target, place)
        total = int(line[first : first + len(weights)].astype(np.int64) @ np.array(weights))
        found = (total + (1 << (PRECISION_BITS - 1))) >> PRECISION_BITS
        assert min(found, 255) == expected[place]


def test_a_reduction_by_two_weighs_four_pixels_as_1_3_3_1() -> None:
    first, weights = taps(8, 4, 1)
    assert first == 1 and [round(8 * w / (1 << PRECISION_BITS)) for w in weights] == [1, 3, 3, 1]


def test_the_cut_is_black_where_it_is_larger_than_the_image() -> None:
    made = np.frombuffer(prepare(bytes([200] * 16), 2, 2, ImageInput(4, 2)), np.uint8).reshape(3, 4, 4)
    assert (made[:, 1:3, 1:3] == 200).all() and made.sum() == 3 * 4 * 200


@pytest.mark.parametrize("own", [ImageInput(24, 27), ImageInput(12, 12)])
def test_golden_images_are_written_with_what_the_front_end_gives(own: ImageInput, tmp_path: Path) -> None:
    images = golden_images(by_pil, own)
    assert len(images) == 3 * len(SIZES) and images == golden_images(by_pil, own)
    assert any(min(one.rgba[3::4]) < 10 for one in images) and sum(one.input == own for one in images) == 22
    lines = write_golden_images(images, tmp_path / "golden.txt").read_text(encoding="ascii").splitlines()
    for one, line in zip(images, lines, strict=True):
        width, height, edge, size, rgba, checksum, pixels = line.split(" ")
        assert (int(width), int(height)) == (one.width, one.height) and base64.b64decode(rgba) == one.rgba
        made = prepare(one.rgba, one.width, one.height, ImageInput(int(size), int(edge)))
        assert made == one.pixels and zlib.crc32(made) == int(checksum)
        assert (pixels == "-") == (len(made) > WHOLE) and pixels in ("-", base64.b64encode(made).decode())
