"""Images with their classes → a table whose inputs are `data:` URIs (RFC 2397).

An image travels as its own bytes: its split, its fingerprint and what counts as repeated then follow from
what is in it, as with a text, and not from where a file lay.
"""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.data.folder import ENDINGS as ROWS
from edgekit.data.folder import SPLIT_WORDS, choose
from edgekit.data.table import Table
from edgekit.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")


def is_image_folder(path: Path) -> bool:
    """Whether a folder holds images, and no files of rows."""
    endings = {file.suffix.lower() for file in path.rglob("*")}
    return not endings.isdisjoint(ENDINGS) and endings.isdisjoint(ROWS)


def read_image_folder(path: Path, *, split: str, image: str, label: str) -> Table:
    """Image files in one folder per class, the layout of torchvision's `ImageFolder` and `datasets`.

    Args:
        path: holds `CLASS/*.png`, or `train/CLASS/*.png` and the like.
        split: which of several splits to read.
        image, label: names of the columns.

    Raises:
        DataError: no images, or some that lie in no class folder.
    """
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in ENDINGS
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not found:
        raise DataError(
            f"The folder {path.name} holds no images ({', '.join(ENDINGS)}).",
            remedy="Give a folder with one folder of images for each class.",
        )
    stray = [file for file in found if file.parent == path]
    if stray:
        raise DataError(
            f"{len(stray)} images of {path.name} lie in no class folder, {stray[0].name} among them.",
            remedy="Put each image into a folder named after its class.",
        )
    by_split: dict[str, list[Path]] = {}
    for file in found:
        first, *inner = file.relative_to(path).parts
        word = SPLIT_WORDS.get(first.lower()) if len(inner) > 1 else None
        by_split.setdefault(word or "all", []).append(file)
    files = by_split[choose(path, list(by_split), split)]
    return Table(
        {image: [_file_uri(file) for file in files], label: [file.parent.name for file in files]}, path.name
    )


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
    return _uri("image/x-portable-graymap", body)


def _file_uri(file: Path) -> str:
    return _uri(mimetypes.guess_type(file.name)[0] or "application/octet-stream", file.read_bytes())


def _uri(kind: str, body: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(body).decode('ascii')}"
