"""What a kit has to know of an image model's front end, and the images that it carries with their answers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.errors import ExportError
from edgekit.types import Artifact, Signature

CHANNELS = 3  # red, green, blue


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The two numbers of the preparation, in pixels."""

    size: int  # side of the square that the model reads
    shortest_edge: int  # what the shorter side is brought to before the middle is cut out


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """One image, and what a runner answered."""

    width: int  # pixels
    height: int
    rgb: bytes  # `[height, width, 3]`
    pixels: bytes  # `[3, size, size]`, as the front end prepared them
    output: Sequence[float]  # of the signature's first output: a number for each label


def require_image_input(artifact: Artifact, given: ImageInput) -> None:
    """Lets a model pass that takes what a kit prepares.

    Raises:
        ExportError: its inputs are others.
    """
    shapes = [(spec.dtype, tuple(spec.shape[1:])) for spec in artifact.signature.inputs]
    if shapes != [("float32", (CHANNELS, given.size, given.size))]:
        raise ExportError(
            f"{artifact.name} does not take one float32 image of 3 x {given.size} x {given.size}.",
            remedy="Export it with edgekit, with the preprocessor_config.json beside it.",
        )


def image_samples_json(signature: Signature, answers: Sequence[ImageAnswer]) -> dict[str, Any]:
    """The content of a kit's `samples.json`; pixels are base64 (RFC 4648)."""
    return {
        "format": "edgekit image samples 1.0",
        "model": {"output": signature.outputs[0].name, "labels": list(signature.labels)},
        "samples": [
            {
                "width": one.width,
                "height": one.height,
                "rgb": base64.b64encode(one.rgb).decode("ascii"),
                "output": [float(value) for value in one.output],
            }
            for one in answers
        ],
    }
