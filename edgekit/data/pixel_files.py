"""Grey values in JSON, a file for each class → a table whose inputs are `data:` URIs of graymaps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.data.class_folders import data_uri
from edgekit.data.table import Table
from edgekit.errors import DataError


def read_pixel_files(path: Path, *, shape: tuple[int, int] | None, image: str, label: str) -> Table:
    """One JSON file per class, `CLASS.json`, whose `data` lists the grey values (0–1) of all its images.

    Args:
        path: the folder.
        shape: height and width of every image, in pixels.
        image, label: names of the columns.

    Raises:
        DataError: no files, no shape, or a file whose values don't make whole images.
    """
    if shape is None:
        raise DataError(
            "data.format is pixels, and nothing says how large an image is.",
            remedy="Set data.image_shape to [height, width].",
        )
    files = sorted(path.glob("*.json"))
    if not files:
        raise DataError(
            f"The folder {path.name} holds no JSON files.", remedy="Give a folder with one CLASS.json each."
        )
    inputs: list[str] = []
    labels: list[str] = []
    for file in files:
        made = [_grey_uri(values, shape) for values in _images(file, shape[0] * shape[1])]
        inputs += made
        labels += [file.stem] * len(made)
    return Table({image: inputs, label: labels}, path.name)


def _images(file: Path, size: int) -> list[Sequence[float]]:
    try:
        told: Any = json.loads(file.read_text(encoding="utf-8"))
        values = told["data"]
        good = all(isinstance(v, int | float) and 0 <= v <= 1 for v in values)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{file.name} holds no `data` list: {error}.", remedy='Write {"data": [0, 0.5, …]}.'
        ) from error
    if not good or not values or len(values) % size:
        raise DataError(
            f"{file.name} holds {len(values):,} values, which are not images of {size} grey values of 0–1.",
            remedy="Correct data.image_shape, or the file.",
        )
    return [values[start : start + size] for start in range(0, len(values), size)]


def _grey_uri(values: Sequence[float], shape: tuple[int, int]) -> str:
    # A graymap has no compression, whose bytes would depend on a library's version.
    body = f"P5 {shape[1]} {shape[0]} 255\n".encode() + bytes(round(255 * value) for value in values)
    return data_uri("image/x-portable-graymap", body)
