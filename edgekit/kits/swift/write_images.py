"""Writes the Swift package of an image classifier: image in, the probability of every label out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.kits.images import (
    GoldenImage,
    ImageAnswer,
    ImageInput,
    require_image_input,
    write_golden_images,
)
from edgekit.kits.images.interface import image_samples_json
from edgekit.kits.manifest import Bundle
from edgekit.kits.swift.readme_classifier import Words
from edgekit.kits.swift.recorded import recorded_tensor
from edgekit.kits.swift.supported import require_coreml
from edgekit.kits.swift.write_classifier import Kind, write_classifier
from edgekit.tasks import IMAGE_CLASSIFICATION
from edgekit.types import Artifact, Parity

_NOTES = """\
`image` is a `CGImage` of any size: the kit resizes and cuts as it was done in training, pixel for pixel. Turn
a photo as its EXIF tag says (`UIImage.cgImage` is not turned), and decode it at its full size. Elsewhere, or
from a camera's buffer, `classify(pixels:width:height:)` takes red, green, blue (and opacity, which is left
out) of every pixel as bytes.

Core Graphics multiplies colour by opacity, and forgets the colour of what is transparent; it converts grey
and other colours that are not red, green and blue to sRGB; and JPEG decoders differ by a value or two. The
kit is exact from the pixels on.
"""
_KIND = Kind(
    folder="Images",
    words=Words(api="ImageClassifier", argument="image", one="An image", inputs="images", notes=_NOTES),
)


def write_swift_images(
    artifact: Artifact,
    parity: Parity,
    given: ImageInput,
    folder: Path,
    *,
    name: str,
    golden: Sequence[GoldenImage],
    answers: Sequence[ImageAnswer],
    licences: Mapping[str, str | None] | None = None,
) -> Bundle:
    """Writes a SwiftPM package that answers a `CGImage`, or pixels, with the probability of every label.

    Args:
        artifact: a Core ML package of an image classifier that edgekit exported.
        parity: of that artifact.
        given: how Python's front end prepares images.
        folder: becomes the package; an older kit there is replaced.
        name: of the product, in the author's words; the Swift module is named after it.
        golden: images with their prepared pixels, for the package's own tests.
        answers: images and what a runner answered; tests replay them, and `edgekit-bench` runs them. At least
            one.
        licences: of the model, its teacher, its data: name → SPDX, None when it isn't known.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no Core ML package of an image classifier, two of its labels are one text to Swift,
            or `folder` holds something else.
        DiskFull: no space was left.
    """

    def pixels(answer: ImageAnswer) -> dict[str, Any]:
        return recorded_tensor((1, 3, given.size, given.size), tuple(answer.pixels))

    require_coreml(artifact, tasks=[IMAGE_CLASSIFICATION.name])
    require_image_input(artifact, given)
    return write_classifier(
        _KIND,
        artifact,
        parity,
        given,
        folder,
        name=name,
        own={"imageSize: Int": str(given.size), "shortestEdge: Int": str(given.shortest_edge)},
        golden=golden,
        write_golden=write_golden_images,
        answers=answers,
        samples_json=image_samples_json,
        recorded=pixels,
        licences=licences,
    )
