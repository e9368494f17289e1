"""App kits of image classifiers: small images that test them, and the answers of the artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit import progress
from edgekit.types import Artifact, Parity

if TYPE_CHECKING:
    from PIL.Image import Image

    from edgekit.kits.images import ImageAnswer, ImageInput
    from edgekit.kits.manifest import Bundle

MOST = 32  # images whose answers a kit carries
BUDGET = 1_500_000  # bytes of their pixels
LONGEST = 256  # pixels of a side; larger ones are made smaller before they are answered


def bundle_images(
    artifact: Artifact,
    parity: Parity,
    folder: Path,
    *,
    platform: str,
    name: str,
    images: Sequence[str],
    licences: Mapping[str, str | None],
) -> Bundle:
    """Writes the kit of one platform around an image classifier.

    Args:
        artifact: its `preprocessor_config.json` lies beside it.
        folder: becomes the kit.
        images: files or `data:` URIs, as the app will meet them; random ones when empty.

    Raises:
        GateFailed: the artifact did not pass, or was not executed.
        ExportError: the artifact is none that the platform's kit carries.
    """
    from edgekit.kits.images import ImageInput, golden_images
    from edgekit.models.load import load_processor

    front = load_processor(artifact.path.parent, uri=str(artifact.path.parent))
    given = ImageInput(front.size, front.shortest_edge)
    return _writer(platform)(
        artifact,
        parity,
        given,
        folder,
        name=name,
        golden=golden_images(prepared, given),
        answers=image_answers(artifact, images),
        licences=licences,
    )


def _writer(platform: str) -> Callable[..., Bundle]:
    if platform == "swift":
        from edgekit.kits.swift import write_swift_images as write
    elif platform == "android":
        from edgekit.kits.android import write_android_images as write
    else:
        from edgekit.kits.web import write_web_images as write
    return write


def prepared(rgba: bytes, width: int, height: int, given: ImageInput) -> bytes:
    """What Python's front end makes of an image; see `edgekit.kits.images.golden.Prepare`."""
    from PIL import Image

    from edgekit.models.images.front_end import ImageFrontEnd

    image = Image.frombytes("RGBA", (width, height), rgba)
    return ImageFrontEnd(given.size, given.shortest_edge).pixels(image).tobytes()


def image_answers(artifact: Artifact, images: Sequence[str]) -> list[ImageAnswer]:
    """What the artifact answers to small images, run here; as many as fit into a kit.

    Raises:
        DataError: an image can't be read.
        ExportError: the artifact can't be executed on this machine.
    """
    from edgekit.batches import pad_rows
    from edgekit.kits.images import ImageAnswer
    from edgekit.models.images.front_end import PIXELS, open_image
    from edgekit.models.load import load_processor
    from edgekit.runtimes import open_runner

    runner = open_runner(artifact.path, threads=1)
    front = load_processor(artifact.path.parent, uri=str(artifact.path.parent))
    output, room = runner.signature.outputs[0].name, BUDGET
    opened = (open_image(one) for one in images[:MOST]) if images else _random_images()
    made: list[ImageAnswer] = []
    with progress.bar(f"Answers of {artifact.name}", MOST, "images") as bar:
        for image in opened:
            small = image.convert("RGB")
            small.thumbnail((LONGEST, LONGEST))
            room -= len(rgb := small.tobytes())
            if made and room < 0:
                break
            pixels = front.pixels(small)
            found = runner.run(pad_rows([{PIXELS: pixels}], runner.signature, pad_id=0))[output][0]
            made.append(ImageAnswer(small.width, small.height, rgb, pixels.tobytes(), found.ravel().tolist()))
            bar.advance()
    return made


def _random_images() -> list[Image]:
    """Smooth colours: for a model whose own images are not at hand."""
    import numpy as np
    from PIL import Image

    chance = np.random.default_rng(0)
    sides = ((64, 48), (48, 64), (80, 80), (33, 90))
    grids = [chance.integers(0, 256, (5, 5, 3), dtype=np.uint8) for _ in range(4 * len(sides))]
    return [
        Image.fromarray(grid).resize(sides[i % len(sides)], Image.Resampling.BICUBIC)
        for i, grid in enumerate(grids)
    ]
