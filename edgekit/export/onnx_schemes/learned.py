"""Ranges that quantization-aware training learned, put where the file has the same numbers.

Training knows a range by the layer whose input it is; a file knows tensors. Between the two stands the
layer's matrix: the product that multiplies by it reads the tensor. Matrices are told by their values, so it
doesn't matter how an exporter or a rule named them, nor that several are packed into one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import ExportError
from edgekit.export.onnx_schemes.graph import Graph

if TYPE_CHECKING:
    import numpy as np

Span = tuple[float, float]
Content = tuple[tuple[int, ...], bytes]


def place_ranges(
    path: Path, ranges: Mapping[str, Span], weights: Mapping[str, np.ndarray]
) -> dict[str, Span]:
    """Tensor → its range, for every tensor that is the input of a layer with a learned range.

    Where a rule computes less of a tensor than training saw (`first_token`), training's range stands: it is
    the one that the weights were trained for.

    Args:
        path: an fp32 ONNX file.
        ranges: layer → smallest and largest value of its input.
        weights: the same layers → float32 matrix `[N, K]`, as PyTorch stores it.

    Raises:
        ExportError: the file has no product by the matrix of one of these layers.
    """
    graph = Graph.open(path)
    layers: dict[Content, list[str]] = {}
    for layer in ranges:
        layers.setdefault(_content(weights[layer].T), []).append(layer)
    shapes = {shape for shape, _ in layers}
    found: dict[str, Span] = {}
    lost = dict.fromkeys(ranges)
    for name, value in list(graph.model.graph.initializers.items()):
        if value.const_value is None or len(value.const_value.shape) != 2:
            continue
        for product in graph.products(name):
            tensor = str(product.input.name)
            for layer in [one for part in _parts(product.weight, shapes) for one in layers.get(part, ())]:
                low, high = found.get(tensor, ranges[layer])
                found[tensor] = min(low, ranges[layer][0]), max(high, ranges[layer][1])
                lost.pop(layer, None)
    if lost:
        raise ExportError(
            f"Training learned the range of the input of {next(iter(lost))!r} (and of {len(lost) - 1} more), "
            f"and {path.name} has no product by its matrix.",
            remedy="Use int8, whose ranges come with each text, or report this model.",
        )
    return found


def _parts(weight: np.ndarray, shapes: set[tuple[int, ...]]) -> Iterator[Content]:
    """A matrix `[K, N]` cut along N into equal pieces of every shape that is looked for."""
    inputs, outputs = weight.shape
    for height, width in shapes:
        if height == inputs and outputs % width == 0:
            for start in range(0, outputs, width):
                yield _content(weight[:, start : start + width])


def _content(weight: np.ndarray) -> Content:
    return weight.shape, hashlib.sha256(weight.tobytes()).digest()
