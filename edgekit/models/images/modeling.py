"""EfficientNet-Lite as a transformers model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutput

from edgekit.models.images.network import LITE0, Network


class EfficientNetLiteConfig(PreTrainedConfig):
    """Shape and normalisation; pixels are 0–255, and so are mean and deviation."""

    model_type = "edgekit-efficientnet-lite"

    image_size: int = 224  # pixels, side of the square
    image_mean: list[float] | tuple[float, ...] = (127.0, 127.0, 127.0)
    image_std: list[float] | tuple[float, ...] = (128.0, 128.0, 128.0)
    stem_width: int = 32
    blocks: list[Any] | tuple[Any, ...] = LITE0  # (kernel, stride, expansion, output channels) of each
    hidden_size: int = 1280  # width of the features
    num_hidden_layers: int = 1  # states that losses can compare: the features alone
    dropout: float | int = 0.2  # before the classifier
    batch_norm_eps: float = 1e-3
    initializer_range: float = 0.02


class EfficientNetLiteForImageClassification(PreTrainedModel):
    """Features of an image, dropout, and a linear classifier."""

    config_class: Any = EfficientNetLiteConfig
    main_input_name = "pixel_values"
    base_model_prefix = "network"

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        super().__init__(config)
        self.network = Network(config)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.hidden_size, len(config.id2label or ()))
        self.post_init()

    def forward(
        self, pixel_values: Tensor, output_hidden_states: bool | None = None, **_: Any
    ) -> ImageClassifierOutput:
        """Logits `[B, C]` of raw pixels `[B, 3, H, W]`, 0–255.

        The features stand as hidden states, a sequence of one, `[B, 1, D]`: losses look at them as at the
        states of a text.
        """
        # PyTorch's convolutions on CPUs are 1.3 to 1.8 times as fast in this layout.
        features = self.network(pixel_values.contiguous(memory_format=torch.channels_last))
        state = features[:, None, :]
        return ImageClassifierOutput(
            logits=self.classifier(self.dropout(features)),
            hidden_states=(state, state) if output_hidden_states else None,
        )

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
            nn.init.zeros_(module.bias)
