"""EfficientNet-Lite behind a log-mel spectrogram, as a transformers model.

Weights from ImageNet help to tell sounds apart (Gong, Chung & Glass, 2021, "PSLA").
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import ImageClassifierOutput

from edgekit.models.audio.log_mel import LogMel
from edgekit.models.images.modeling import EfficientNetLiteConfig, EfficientNetLiteForImageClassification


class EfficientNetLiteAudioConfig(EfficientNetLiteConfig):
    """Shape and normalisation; the spectrogram is the image, of one channel, in nats."""

    model_type = "edgekit-efficientnet-lite-audio"

    sampling_rate: int = 16_000  # Hz
    samples: int = 32_000
    mel_bands: int = 64
    image_mean: list[float] | tuple[float, ...] = (-6.0,)
    image_std: list[float] | tuple[float, ...] = (7.0,)


class EfficientNetLiteForAudioClassification(EfficientNetLiteForImageClassification):
    """Spectrogram, features, dropout, and a linear classifier."""

    config_class: Any = EfficientNetLiteAudioConfig
    main_input_name = "input_values"

    def __init__(self, config: EfficientNetLiteAudioConfig) -> None:
        super().__init__(config)
        self.front_end = LogMel(config.sampling_rate, config.samples, config.mel_bands)

    def forward(  # type: ignore[override]
        self, input_values: Tensor, output_hidden_states: bool | None = None, **_: Any
    ) -> ImageClassifierOutput:
        """Logits `[B, C]` of PCM `[B, samples]` in [−1, 1]."""
        with torch.no_grad(), torch.autocast(input_values.device.type, enabled=False):
            image = self.front_end(input_values.float())
        return super().forward(image, output_hidden_states)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, LogMel):
            module.fill()
        else:
            super()._init_weights(module)
