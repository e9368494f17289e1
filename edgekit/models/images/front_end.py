"""What an app does with an image before a model reads it: decode, turn upright, RGB, resize, crop."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import DataError, MissingExtra, ModelError, first_line
from edgekit.files import sha256_json, write_json
from edgekit.models.front_ends import FILE, FrontEnd, held_bytes, refuse_pairs, told_name
from edgekit.signatures import PIXELS, array_signature
from edgekit.tasks import Task

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from edgekit.types import Signature

_BILINEAR = 2  # PIL's number, which transformers writes


@dataclass(frozen=True, slots=True)
class ImageFrontEnd:
    """Brings any image to `[3, size, size]` uint8, RGB, channels first.

    The image is turned as its EXIF tag says, its shorter side is brought to `shortest_edge` by PIL's bilinear
    filter (which averages where it makes smaller; a plain two-by-two interpolation gives other numbers), and
    the middle is cut out. Rescaling and normalising are no part of it: they are in the model's graph.
    """

    size: int  # pixels, side of the square that the model reads
    shortest_edge: int  # pixels, before the centre is cut out

    model_input_names = (PIXELS,)
    pad_token_id = 0  # rows of images are never padded

    @property
    def model_max_length(self) -> int:
        """The extent of an input, in pixels."""
        return self.size

    @property
    def settings(self) -> dict[str, Any]:
        """What a model's configuration says of it."""
        return {"image_size": self.size}

    @property
    def identity(self) -> str:
        """Hash of all that rows depend on."""
        return sha256_json({"inputs": self.model_input_names, **asdict(self)})

    def __call__(self, inputs: Sequence[str], pairs: Any = None, **_: Any) -> dict[str, list[np.ndarray]]:
        """Rows of images.

        Args:
            inputs: paths of image files, or `data:` URIs (RFC 2397) that hold one.
            pairs: must be None; a tokenizer's second texts.

        Raises:
            DataError: an image can't be read; pairs were given.
        """
        refuse_pairs(pairs, many="Images", one="image")
        return {PIXELS: [self.pixels(open_image(value)) for value in inputs]}

    def pixels(self, image: Image) -> np.ndarray:
        """One image as `[3, size, size]` uint8."""
        import numpy as np

        image = image.convert("RGB")
        width, height = image.size
        short = min(width, height)
        wanted = (width * self.shortest_edge // short, height * self.shortest_edge // short)
        # One axis after the other: in one call, which comes first depends on Pillow's version and the sizes.
        for between in ((wanted[0], height), wanted):
            if between != image.size:
                image = image.resize(between, _BILINEAR)
        left, top = (wanted[0] - self.size) // 2, (wanted[1] - self.size) // 2
        image = image.crop((left, top, left + self.size, top + self.size))
        return np.ascontiguousarray(np.asarray(image, dtype=np.uint8).transpose(2, 0, 1))

    def signature(self, task: Task, labels: tuple[str, ...]) -> Signature:
        """Raw pixels in, `[B, 3, size, size]` float32 of 0–255, RGB; logits out."""
        return array_signature(task=task.name, labels=labels, name=PIXELS, shape=(3, self.size, self.size))

    def at(self, wanted: FrontEnd) -> ImageFrontEnd:
        """The same share of an image, brought to the size of `wanted`."""
        size = wanted.model_max_length
        if size == self.size:
            return self
        return ImageFrontEnd(size, round(size * self.shortest_edge / self.size))

    def save_pretrained(self, folder: Path) -> None:
        """Writes `preprocessor_config.json` in transformers' words.

        `do_rescale` and `do_normalize` are false: the model does both.
        """
        write_json(
            Path(folder) / FILE,
            {
                "image_processor_type": "BitImageProcessor",
                "do_convert_rgb": True,
                "do_resize": True,
                "size": {"shortest_edge": self.shortest_edge},
                "resample": _BILINEAR,
                "do_center_crop": True,
                "crop_size": {"height": self.size, "width": self.size},
                "do_rescale": False,
                "do_normalize": False,
            },
        )


def image_front_end(told: Any, *, uri: str) -> ImageFrontEnd:
    """From what `preprocessor_config.json` tells.

    Raises:
        ModelError: it asks for what a front end of edgekit does not do: another filter, an image that isn't
            square, or normalising outside the model.
    """
    crop, size = told.get("crop_size"), told.get("size")
    plain = (
        isinstance(crop, dict)
        and isinstance(size, dict)
        and crop.get("height") == crop.get("width") is not None
        and "shortest_edge" in size
        and told.get("resample") == _BILINEAR
        and told.get("do_resize") is told.get("do_center_crop") is True
        and told.get("do_rescale") is told.get("do_normalize") is False
    )
    if not plain:
        raise ModelError(
            f"{uri}: its {FILE} asks for another preparation than edgekit's.",
            remedy="Use an image model that edgekit saved: bilinear resize of the shortest edge, a square "
            "centre crop, and normalisation inside the model.",
        )
    return ImageFrontEnd(int(crop["height"]), int(size["shortest_edge"]))


def open_image(value: str) -> Image:
    """An image file, or a `data:` URI that holds one, turned upright.

    Raises:
        DataError: no such file, not an image, or damaged.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtra("Pillow", extra="images", needed_for="Reading images") from error
    name = told_name(value)
    refuse = partial(DataError, remedy="Give a PNG, JPEG, WebP, BMP or GIF file.")
    try:
        with Image.open(io.BytesIO(held_bytes(value))) as image:
            return ImageOps.exif_transpose(image)
    except FileNotFoundError as error:
        raise refuse(f"{name} does not exist.") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise refuse(f"{name} can't be read as an image: {first_line(error)}") from error
