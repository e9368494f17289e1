"""Writes the web package of an image classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgekit.kits.images import GoldenImage, ImageAnswer, ImageInput, write_golden_images
from edgekit.kits.images.interface import image_samples_json
from edgekit.kits.manifest import Bundle
from edgekit.kits.web.readme_classifier import Words
from edgekit.kits.web.write_classifier import Kind, write_classifier
from edgekit.types import Artifact, Parity

_NOTES = """\
`image` is an `ImageBitmap`, an `<img>`, an `ImageData`, or `{ data, width, height }` with red, green, blue
(and opacity, which is left out) of every pixel as bytes. Any size will do: the kit resizes and cuts as
it was done in training, pixel for pixel. In Node any decoder that gives raw pixels will do.

Of a file, make the bitmap like this: upright, with the values in the file whatever its colour profile.

```js
const asStored = { imageOrientation: "from-image", colorSpaceConversion: "none" };
const image = await createImageBitmap(file, asStored);
```

A browser's canvas forgets the colour of what is transparent, and JPEG decoders differ by a value or two; the
kit is exact from the decoded pixels on.
"""
_KIND = Kind(
    folder="images",
    task_file="image-classifier",
    description="Images are classified on the device: image in, answer out.",
    words=Words(
        api="ImageClassifier",
        argument="image",
        one="An image",
        inputs="images",
        tried="Choose an image, or drop one on the page.",
        notes=_NOTES,
        tested="pixels and outputs",
    ),
)


def write_web_images(
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
    """Writes an npm package that answers an image with the probability of every label.

    Args:
        artifact: an ONNX image classifier that edgekit exported.
        parity: of that artifact.
        given: how Python's front end prepares images.
        folder: becomes the package; an older kit there is replaced.
        name: of the product, in the author's words; the package is named after it.
        golden: images with their prepared pixels, for the package's own tests.
        answers: images and what a runner answered; tests replay them, the benchmark runs them, and the page
            offers them as examples. At least one.
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
        golden=golden,
        write_golden=write_golden_images,
        answers=answers,
        samples_json=image_samples_json,
        licences=licences,
    )
