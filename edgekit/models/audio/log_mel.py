"""The log-mel spectrogram as three products, so that it can stand in any exported graph.

It is what transformers' `ASTFeatureExtractor` computes (Kaldi's filter banks: frames of 25 ms every 10 ms,
their mean taken off, pre-emphasis 0.97, a Hann window, the power spectrum, triangles on the mel scale, the
logarithm) with another scale and floor. All steps before the power are linear in a frame: one matrix.

Half precision ends at 65,504 and holds nothing below 6e-8. The scale keeps the power of the loudest frame
that can be (full scale, alternating signs) below 39,000, and that of any band below 37,000; a sine of full
scale has at most 9,700. The floor lies 74 dB below a sine of 2,500, whatever the sampling rate.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.audio_utils import mel_filter_bank

BLOCK = 0.005  # seconds: a frame is 5 blocks, and starts 2 blocks after the one before it
PER_FRAME, PER_HOP = 5, 2
PREEMPHASIS = 0.97
LOWEST = 20.0  # Hz
SCALE = 100.0  # the window's values sum to this
FLOOR = 1e-4


class LogMel(nn.Module):
    """PCM to an image of one channel: `[B, samples]` float32 in [−1, 1] → `[B, 1, bands, frames]`.

    Both matrices follow from the arguments; they are not saved with a model.

    Args:
        sampling_rate: Hz.
        samples: of a row; at least one frame.
        bands: of the mel scale.
    """

    transform: Tensor
    filters: Tensor

    def __init__(self, sampling_rate: int, samples: int, bands: int) -> None:
        super().__init__()
        self.rate, self.bands = sampling_rate, bands
        self.block = round(BLOCK * sampling_rate)
        self.samples, self.blocks = samples, samples // self.block
        self.bins = 2 ** (PER_FRAME * self.block - 1).bit_length() // 2 + 1
        self.register_buffer("transform", torch.empty(2 * self.bins, self.block, PER_FRAME), persistent=False)
        self.register_buffer("filters", torch.empty(bands, 2 * self.bins, 1), persistent=False)
        self.fill()

    def fill(self) -> None:
        """Writes both matrices; whoever made the module without memory (transformers does) calls it again."""
        if self.transform.is_meta:
            return
        size = PER_FRAME * self.block
        frame = torch.eye(size, dtype=torch.float64) - 1 / size
        frame = frame - PREEMPHASIS * torch.cat([frame[:1], frame[:-1]])
        window = torch.hann_window(size, periodic=False, dtype=torch.float64)
        frame = frame * (window * SCALE / window.sum())[:, None]
        spectrum = torch.fft.rfft(frame, n=2 * (self.bins - 1), dim=0)  # [bins, size]
        rows = torch.cat([spectrum.real, spectrum.imag])
        self.transform.copy_(rows.view(-1, PER_FRAME, self.block).transpose(1, 2))
        bank = mel_filter_bank(
            self.bins,
            self.bands,
            min_frequency=LOWEST,
            max_frequency=self.rate / 2,
            sampling_rate=self.rate,
            norm=None,
            mel_scale="kaldi",
            triangularize_in_mel_space=True,
        )
        half = torch.from_numpy(bank).T
        self.filters.copy_(torch.cat([half, half], 1)[..., None])

    def forward(self, input_values: Tensor) -> Tensor:
        """Log-mel energies; the filters add the squares of real and imaginary parts on their way."""
        used = self.blocks * self.block
        if used < self.samples:  # a slice that leaves nothing out is an operation that Core ML has not
            input_values = input_values[:, :used]
        blocks = input_values.reshape(-1, self.blocks, self.block)
        spectrum = functional.conv1d(blocks.transpose(1, 2), self.transform, stride=PER_HOP)
        power = functional.conv1d(spectrum * spectrum, self.filters)
        return power.clamp(min=FLOOR).log()[:, None]
