"""A tiny but real image classifier and images that it can learn to tell apart."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from edgekit.models.images.front_end import ImageFrontEnd
from edgekit.models.images.modeling import EfficientNetLiteConfig, EfficientNetLiteForImageClassification
from edgekit.models.small.register import register
from edgekit.tasks import get_task
from edgekit.types import Model, Source

Network = TypeVar("Network", bound=EfficientNetLiteForImageClassification)
CLASSES = ("across", "down")
SIDE = 24
# A stride in every second block; blocks 1 and 3 only add to what they are given.
BLOCKS = ((3, 1, 1, 8), (3, 1, 2, 8), (3, 2, 2, 12), (5, 1, 2, 12))


def tiny_network(labels: tuple[str, ...] = CLASSES, **settings) -> EfficientNetLiteForImageClassification:
    """An EfficientNet-Lite of four blocks."""
    register()
    torch.manual_seed(0)
    shape = {"stem_width": 4, "blocks": BLOCKS, "hidden_size": 192, "image_size": SIDE, "dropout": 0.0}
    config = EfficientNetLiteConfig(id2label=dict(enumerate(labels)), **{**shape, **settings})
    return away_from_identity(EfficientNetLiteForImageClassification(config))


def away_from_identity(made: Network) -> Network:
    """The network with a wide classifier and normalisations that do something, for evaluation."""
    with torch.no_grad():
        made.classifier.weight.normal_(std=0.3)
        for part in made.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.weight.uniform_(0.5, 1.5)
                part.bias.uniform_(-0.2, 0.6)
                part.running_mean.uniform_(-0.3, 0.3)
                part.running_var.uniform_(0.5, 1.5)
    return made.eval()


def tiny_model(name: str = "tiny", **settings) -> Model:
    """The network with its front end."""
    module = tiny_network(**settings)
    front_end = ImageFrontEnd(SIDE, SIDE)
    signature = front_end.signature(get_task("image-classification"), CLASSES)
    return Model(name, module, front_end, signature, Source("tiny", "0" * 64, Path()))


def published(path: Path) -> EfficientNetLiteForImageClassification:
    """Writes a whole Lite0 of random weights under its port's names; returns it."""
    torch.manual_seed(0)
    network = EfficientNetLiteForImageClassification(EfficientNetLiteConfig(id2label={0: "a", 1: "b"}))
    norms = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
    state = {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
    for name, value in network.network.state_dict().items():
        part, kind, rest = name.rsplit(".", 2)
        outer, _, last = part.rpartition(".")
        if outer:
            named = f"_{outer}." + (norms[last] if kind == "norm" else f"_{last}_conv")
        else:
            named = {"stem": "_bn0", "top": "_bn1"}[last] if kind == "norm" else None
            named = named or {"stem": "_conv_stem", "top": "_conv_head"}[last]
        state[f"{named}.{rest}"] = value
    torch.save(state, path)
    return network.eval()


def stripes(kind: str, seed: int, side: int = SIDE) -> np.ndarray:
    """Coloured stripes across or down, `[side, side, 3]` uint8, with noise."""
    random = np.random.default_rng([seed, CLASSES.index(kind)])
    wave = np.sin(np.arange(side) * random.uniform(0.8, 1.6) + random.uniform(0, 6))
    plane = np.broadcast_to(wave[:, None] if kind == "across" else wave[None, :], (side, side))
    made = 128 + 90 * plane[..., None] * random.uniform(0.4, 1, 3) + random.normal(0, 12, (side, side, 3))
    return made.clip(0, 255).astype(np.uint8)


def save_images(folder: Path, count: int) -> Path:
    """`folder/CLASS/N.png`, `count` of each class."""
    from PIL import Image

    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(stripes(kind, i)).save(folder / kind / f"{i:03}.png")
    return folder
