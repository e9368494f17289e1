"""Image inputs of kits: the preparation as integers that three languages port, and what tests it."""

from edgekit.kits.images.golden import GoldenImage, golden_images, write_golden_images
from edgekit.kits.images.interface import ImageAnswer, ImageInput, require_image_input

__all__ = [
    "GoldenImage",
    "ImageAnswer",
    "ImageInput",
    "golden_images",
    "require_image_input",
    "write_golden_images",
]
