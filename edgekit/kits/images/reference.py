"""Pillow's bilinear resize and the cut of the middle, in plain Python: the text that three languages port.

Pillow resizes 8-bit images in integers (`src/libImaging/Resample.c`): the weights of a triangle filter, as
wide as the reduction, are rounded to 22 bits; along rows first, whose values are rounded to 8 bits, then
along columns. Nothing outside the cut is computed, which changes no value.
"""

from __future__ import annotations

from edgekit.kits.images.interface import CHANNELS, ImageInput

PRECISION_BITS = 32 - 8 - 2  # a sum of weights times 255 fits into 31 bits
Taps = list[tuple[int, list[int]]]  # of each place: the first source place, and the weights from there on


def prepare(rgba: bytes, width: int, height: int, given: ImageInput) -> bytes:
    """An image as the model reads it.

    Args:
        rgba: `[height, width, 4]`, not premultiplied; opacity is left out, as PIL's `convert("RGB")` does.

    Returns:
        `[3, size, size]`, 0 to 255; black where the cut is larger than the image.
    """
    short, size, edge = min(width, height), given.size, given.shortest_edge
    columns = cut(width, width * edge // short, size)
    rows = cut(height, height * edge // short, size)
    used = [(first, first + len(weights)) for first, weights in rows if weights]
    top, bottom = min(a for a, _ in used), max(b for _, b in used)
    made = bytearray(CHANNELS * size * size)
    for channel in range(CHANNELS):
        lines = [
            [_weighted(rgba, 4 * (y * width + first) + channel, 4, weights) for first, weights in columns]
            for y in range(top, bottom)
        ]  # `[bottom - top, size]`
        plane = bytes(value for line in lines for value in line)
        for i, (first, weights) in enumerate(rows):
            for j in range(size):
                value = _weighted(plane, (first - top) * size + j, size, weights)
                made[(channel * size + i) * size + j] = value
    return bytes(made)


def cut(source: int, target: int, size: int) -> Taps:
    """The taps of the middle `size` places of `source` places that are resized to `target`.

    A place outside the image has no weights, and so becomes 0.
    """
    first = (target - size) // 2  # rounded down, below 0 too
    return [
        taps(source, target, place) if 0 <= place < target else (0, [])
        for place in range(first, first + size)
    ]


def taps(source: int, target: int, place: int) -> tuple[int, list[int]]:
    """The first source place and the integer weights of one target place, in Pillow's order of operations."""
    scale = source / target
    support = max(scale, 1.0)  # of a triangle filter: half its width
    centre = (place + 0.5) * scale
    begin = max(int(centre - support + 0.5), 0)
    end = min(int(centre + support + 0.5), source)
    narrowing = 1.0 / support
    weights = [max(0.0, 1.0 - abs((x - centre + 0.5) * narrowing)) for x in range(begin, end)]
    total = 0.0
    for weight in weights:  # not `sum`, which keeps more digits than C does
        total += weight
    return begin, [int(0.5 + weight / total * (1 << PRECISION_BITS)) for weight in weights]


def _weighted(values: bytes, first: int, step: int, weights: list[int]) -> int:
    """Rounded, and cut off at 255."""
    total = 1 << (PRECISION_BITS - 1)
    for i, weight in enumerate(weights):
        total += values[first + i * step] * weight
    return min(total >> PRECISION_BITS, 255)
