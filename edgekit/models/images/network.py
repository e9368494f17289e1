"""EfficientNet-Lite: inverted residual blocks without squeeze-and-excitation, with ReLU6 (Tan & Le, 2019).

The Lite variants replace what phones run badly: no squeeze-and-excitation, no swish. A block widens its input
(1×1), filters each channel (k×k, depthwise) and narrows it (1×1); its input is added where the shapes agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

# (kernel, stride, expansion, output channels) of each block; the stem has 32 channels.
LITE0 = (
    (3, 1, 1, 16),
    *((3, 2, 6, 24), (3, 1, 6, 24)),
    *((5, 2, 6, 40), (5, 1, 6, 40)),
    *((3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80)),
    *((5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112)),
    *((5, 2, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192)),
    (3, 1, 6, 320),
)


class Convolution(nn.Module):
    """A convolution as TensorFlow pads it ("same"), batch normalisation, and ReLU6 unless `linear`."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        linear: bool = False,
        eps: float,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.linear = kernel, stride, linear
        around = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride=stride, padding=around, groups=groups, bias=False
        )
        # PyTorch's momentum, not TensorFlow's 0.01: a fine-tuning of a few hundred steps has to settle.
        self.norm: nn.Module = nn.BatchNorm2d(outputs, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            x = functional.pad(x, (*self._around(x.shape[3]), *self._around(x.shape[2])))
        x = self.norm(self.conv(x))
        return x if self.linear else functional.relu6(x)

    def _around(self, extent: int) -> tuple[int, int]:
        """Zeros before and after; of an odd number the last one goes behind."""
        total = max(0, (-(-extent // self.stride) - 1) * self.stride + self.kernel - extent)
        return total // 2, total - total // 2


class Block(nn.Module):
    """An inverted residual block (Sandler et al., 2018)."""

    def __init__(self, inputs: int, shape: Sequence[int], *, eps: float) -> None:
        super().__init__()
        kernel, stride, expansion, outputs = shape
        inner = inputs * expansion
        self.residual = is_residual(inputs, shape)
        self.expand = Convolution(inputs, inner, 1, eps=eps) if expansion > 1 else nn.Identity()
        self.depthwise = Convolution(inner, inner, kernel, stride=stride, groups=inner, eps=eps)
        self.project = Convolution(inner, outputs, 1, linear=True, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        made = self.project(self.depthwise(self.expand(x)))
        return made + x if self.residual else made


def is_residual(inputs: int, shape: Sequence[int]) -> bool:
    """Whether a block adds its input to its output: only such a block can be left out."""
    return shape[1] == 1 and shape[3] == inputs


class Network(nn.Module):
    """Raw pixels to features: `[B, 3, H, W]` float32, 0–255, RGB → `[B, hidden_size]`.

    A spectrogram has one channel, as many as there are means in the configuration.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        eps = config.batch_norm_eps
        self.mean, self.std = tuple(config.image_mean), tuple(config.image_std)
        self.stem = Convolution(len(self.mean), config.stem_width, 3, stride=2, eps=eps)
        widths = [config.stem_width, *(shape[3] for shape in config.blocks)]
        self.blocks = nn.ModuleList(
            Block(width, shape, eps=eps) for width, shape in zip(widths, config.blocks, strict=False)
        )
        self.top = Convolution(widths[-1], config.hidden_size, 1, eps=eps)

    def forward(self, pixel_values: Tensor) -> Tensor:
        mean, std = (
            torch.tensor(each, dtype=pixel_values.dtype, device=pixel_values.device).view(1, -1, 1, 1)
            for each in (self.mean, self.std)
        )
        x = self.stem((pixel_values - mean) / std)
        for block in self.blocks:
            x = block(x)
        return self.top(x).mean((2, 3))
