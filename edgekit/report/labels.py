"""Keeps the words in a picture from lying on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Box = tuple[float, float, float, float]  # left, bottom, right, top, in points

_WIDTH = 0.56  # of a letter, in font sizes; the page's font is not known here


@dataclass(frozen=True, slots=True)
class Mark:
    """Something drawn at a place, and the two lines of text that belong beside it."""

    x: float  # data
    y: float
    low: float  # ends of its vertical interval, data
    high: float
    radius: float  # points
    first: str
    second: str


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Moves heights apart until neighbours are `gap` apart, keeping their order and their middle."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    moved = list(heights)
    for lower, upper in pairwise(order):
        moved[upper] = max(moved[upper], moved[lower] + gap)
    shift = sum(moved) / len(moved) - sum(heights) / len(heights) if heights else 0.0
    return [m - shift for m in moved]


def place_labels(figure: Figure, axes: Axes, marks: Sequence[Mark], *, font_size: float) -> None:
    """Writes each mark's lines on the side where they cover the least of other marks and words."""
    unit = figure.dpi / 72  # pixels a point
    width, _ = figure.get_size_inches() * 72
    frame = (axes.bbox.x0 / unit, axes.bbox.y0 / unit, width, axes.bbox.y1 / unit)
    discs, lines = [], []
    for mark in marks:
        x, y = axes.transData.transform((mark.x, mark.y)) / unit
        discs.append((x - mark.radius, y - mark.radius, x + mark.radius, y + mark.radius))
        ends = [axes.transData.transform((mark.x, end))[1] / unit for end in (mark.low, mark.high)]
        lines.append((x - 2, ends[0], x + 2, ends[1]))
    taken: list[Box] = []
    for index, mark in enumerate(marks):
        disc = discs[index]
        options = _options(mark, font_size)
        middle = ((disc[0] + disc[2]) / 2, (disc[1] + disc[3]) / 2)
        boxes = [_moved(box, *middle) for box, _ in options]
        others = [*taken, *lines, *(d for i, d in enumerate(discs) if i != index)]
        cost = [sum(_overlap(box, o) for o in others) + 4 * _outside(box, frame) for box in boxes]
        best = min(range(len(options)), key=lambda i: (round(cost[i], 3), i))
        taken.append(boxes[best])
        _write(axes, mark, *options[best], font_size=font_size)


def _options(mark: Mark, font_size: float) -> list[tuple[Box, str]]:
    """Where the text may go, relative to the mark, best first, each with its alignment."""
    width, height = max(len(mark.first), len(mark.second)) * font_size * _WIDTH, font_size * 2.5
    gap = mark.radius + 5
    options = []
    for rise in (-height / 2, gap * 0.6, -gap * 0.6 - height, height, -2 * height):
        options += [((gap, rise), "left"), ((-gap - width, rise), "right")]
    options += [((-width / 2, gap), "center"), ((-width / 2, -gap - height), "center")]
    return [((x, y, x + width, y + height), align) for (x, y), align in options]


def _write(axes: Axes, mark: Mark, box: Box, align: str, *, font_size: float) -> None:
    anchor = {"left": box[0], "right": box[2], "center": (box[0] + box[2]) / 2}[align]
    for line, drop in ((mark.first, font_size), (mark.second, font_size * 2.25)):
        axes.annotate(
            line,
            (mark.x, mark.y),
            xytext=(anchor, box[3] - drop),
            textcoords="offset points",
            ha=align,
            fontsize=font_size,
            annotation_clip=False,
        )


def _moved(box: Box, x: float, y: float) -> Box:
    return (box[0] + x, box[1] + y, box[2] + x, box[3] + y)


def _overlap(a: Box, b: Box) -> float:
    """Shared area."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _outside(box: Box, frame: Box) -> float:
    """Area of `box` outside `frame`."""
    return (box[2] - box[0]) * (box[3] - box[1]) - _overlap(box, frame)
