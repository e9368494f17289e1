"""Writes the Android module of an image classifier."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgekit.kits.android.readme_classifier import Words
from edgekit.kits.android.write_classifier import Kind, output_text, write_classifier
from edgekit.kits.images import GoldenImage, ImageAnswer, ImageInput, write_golden_images
from edgekit.kits.manifest import Bundle
from edgekit.types import Artifact, Parity

_NOTES = """\
The bitmap may be of any size: the kit resizes and cuts as it was done in training, pixel for pixel. Turn a
photo as its EXIF tag says, and decode it at its full size, for what `BitmapFactory` makes smaller has other
pixels. Opacity is left out. On the JVM, or from a camera's buffer, `classify(pixels, width, height)` takes
ARGB values.
"""
_KIND = Kind(
    folder="images",
    words=Words(
        api="ImageClassifier",
        arguments="bitmap",
        one="An image",
        inputs="images",
        notes=_NOTES,
        tested="pixels and outputs",
    ),
)


def write_android_images(
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
    """Writes a Gradle module that answers a `Bitmap` with the probability of every label.

    Args:
        artifact: an ONNX image classifier that edgekit exported.
        parity: of that artifact.
        given: how Python's front end prepares images.
        folder: becomes the kit; an older kit there is replaced.
        name: of the product, in the author's words; module and package are named after it.
        golden: images with their prepared pixels, for the module's own tests.
        answers: images and what a runner answered; tests replay them, and the benchmark runs them. At least
            one.
        licences: of the model, its teacher, its data: name → SPDX, None when it isn't known.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no ONNX image classifier, or `folder` holds something else.
        DiskFull: no space was left.
    """
    return write_classifier(
        _KIND,
        artifact,
        parity,
        given,
        folder,
        name=name,
        numbers={"IMAGE_SIZE": given.size, "SHORTEST_EDGE": given.shortest_edge},
        golden=golden,
        write_golden=write_golden_images,
        answers=answers,
        sample=_sample,
        licences=licences,
    )


def _sample(answer: ImageAnswer) -> str:
    """As `readSamples` of images reads it."""
    rgb = base64.b64encode(answer.rgb).decode("ascii")
    return f"{answer.width} {answer.height} {rgb} {output_text(answer.output)}"
