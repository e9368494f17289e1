"""Small images that tell resamplers apart, with the pixels that Python's front end makes of them."""

from __future__ import annotations

import base64
import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.files import atomic
from edgekit.kits.images.interface import ImageInput

# A side of one pixel, odd and even ones, one off the model's, wide and tall.
SIZES = (
    *((1, 1), (2, 1), (1, 2), (1, 40), (40, 1), (3, 5), (5, 3), (7, 7), (8, 8), (9, 8), (8, 9), (16, 16)),
    *((17, 13), (5, 31), (31, 5), (23, 24), (24, 23), (28, 28), (47, 33), (33, 47), (61, 7), (40, 30)),
)
# The last is cut larger than it is resized to, which leaves a black edge.
SMALL = (ImageInput(8, 8), ImageInput(8, 9), ImageInput(7, 10), ImageInput(3, 16), ImageInput(9, 6))
WHOLE = 1024  # bytes; of more pixels only their checksum is kept

Prepare = Callable[[bytes, int, int, ImageInput], bytes]  # as `edgekit.kits.images.reference.prepare`


@dataclass(frozen=True, slots=True)
class GoldenImage:
    """An image, a preparation, and what it gives."""

    width: int  # pixels
    height: int
    rgba: bytes  # `[height, width, 4]`
    input: ImageInput
    pixels: bytes  # `[3, size, size]`


def golden_images(prepare: Prepare, own: ImageInput, *, seed: int = 0) -> tuple[GoldenImage, ...]:
    """Every size under two small preparations in turn, and under the model's own.

    Args:
        prepare: Python's front end; it is right by definition.
        own: of the model.
        seed: of the random pixels.
    """
    chance = random.Random(seed)
    made: list[GoldenImage] = []
    for i, (width, height) in enumerate(SIZES):
        for given in (SMALL[i % len(SMALL)], SMALL[(i + 2) % len(SMALL)], own):
            rgba = bytes(_pixels(chance, width, height, len(made)))
            made.append(GoldenImage(width, height, rgba, given, prepare(rgba, width, height, given)))
    return tuple(made)


def _pixels(chance: random.Random, width: int, height: int, number: int) -> Iterator[int]:
    """Noise, black and white, grey slopes, and noise of every opacity, in turn."""
    kind = number % 4
    for y in range(height):
        for x in range(width):
            if kind == 2:
                yield from (*[(255 * (x + y)) // (width + height)] * 3, 255)
                continue
            colour = [chance.choice((0, 255)) if kind == 1 else chance.randrange(256) for _ in range(3)]
            yield from (*colour, chance.randrange(256) if kind == 3 else 255)


def write_golden_images(images: Sequence[GoldenImage], path: Path) -> Path:
    """One image per line: width, height, shortest_edge, size, RGBA, CRC-32 of the pixels, pixels or "-".

    RGBA and pixels are base64 (RFC 4648); the checksum (RFC 1952) is in decimal digits.
    """
    with atomic(path) as temporary:
        temporary.write_text("".join(map(_line, images)), encoding="ascii", newline="\n")
    return path


def _line(one: GoldenImage) -> str:
    pixels = base64.b64encode(one.pixels).decode() if len(one.pixels) <= WHOLE else "-"
    numbers = (one.width, one.height, one.input.shortest_edge, one.input.size)
    rgba = base64.b64encode(one.rgba).decode()
    return f"{' '.join(map(str, numbers))} {rgba} {zlib.crc32(one.pixels)} {pixels}\n"
