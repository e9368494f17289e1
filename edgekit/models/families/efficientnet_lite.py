"""EfficientNet-Lite for export: spectrogram and normalisation inside, batch normalisation in convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgekit.models.audio.log_mel import LogMel
from edgekit.models.audio.modeling import EfficientNetLiteAudioConfig
from edgekit.models.images.network import Convolution, Network


def unsupported(config: Any) -> str | None:
    """Every configuration can be expressed."""
    return None


def build(config: Any, state: Mapping[str, Tensor], max_length: int | None, task: str) -> nn.Module:
    """`pixel_values [B, 3, H, W]` 0–255, RGB, or `input_values [B, N]` PCM, float32 → logits `[B, C]`."""
    made = _Classifier(config)
    made.load_state_dict(dict(state), strict=True)
    made.eval()
    for part in made.modules():
        if isinstance(part, Convolution):
            assert isinstance(part.norm, nn.BatchNorm2d)
            part.conv = fuse_conv_bn_eval(part.conv, part.norm)
            part.norm = nn.Identity()
    return made


class _Classifier(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.front_end: nn.Module = nn.Identity()
        if isinstance(config, EfficientNetLiteAudioConfig):
            self.front_end = LogMel(config.sampling_rate, config.samples, config.mel_bands)
        self.network = Network(config)
        self.classifier = nn.Linear(config.hidden_size, len(config.id2label))

    def forward(self, array: Tensor) -> Tensor:
        return self.classifier(self.network(self.front_end(array)))
