"""Three small text encoders over a token table. Padding on the right changes nothing: no output of a real
token depends on it.

Each offers `forward(embedded [B, L, D], mask [B, L]) → [hidden [B, L, D] per layer]` and
`pool(hidden [B, L, D], mask) → [B, D]`.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn

MASKED = -3e4  # fits fp16


def masked_max(hidden: Tensor, mask: Tensor) -> Tensor:
    """The largest value of each feature over real tokens, `[B, D]`."""
    return hidden.masked_fill(mask[:, :, None] == 0, MASKED).amax(1)


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean over real tokens, `[B, D]`."""
    real = mask[:, :, None].to(hidden.dtype)
    return (hidden * real).sum(1) / real.sum(1).clamp_min(1.0)


class Lstm(nn.LSTM):
    """One direction of one LSTM layer, `[B, L, I] → [B, L, H]`, that also goes through `torch.export`.

    PyTorch unrolls an LSTM while exporting, which fixes the length. An operation of our own with the same
    arguments stays whole, and coremltools' own LSTM conversion takes it; the ONNX exporter needs no help.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(inputs, hidden, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        if not torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export():
            return super().forward(x)[0]
        _know_in_coreml()
        zero = x.new_zeros(1, x.shape[0], self.hidden_size)
        weights = self._flat_weights
        return torch.ops.edgekit.lstm(x, [zero, zero], weights, True, 1, 0.0, False, False, True)[0]


class BiLstm(nn.Module):
    """Layers of bidirectional LSTM and the maximum over time (Tang et al., 2019, distil BERT into one).

    The backward direction reads each row from its own last real token: rows are reversed within their length.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        sizes = [(config.hidden_size, config.hidden_size // 2)] * config.num_hidden_layers
        self.ahead = nn.ModuleList(Lstm(*size) for size in sizes)
        self.back = nn.ModuleList(Lstm(*size) for size in sizes)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, embedded: Tensor, mask: Tensor) -> list[Tensor]:
        length = mask.sum(1, keepdim=True)
        place = torch.arange(mask.shape[1], device=mask.device)[None, :]
        reverse = torch.where(place < length, length - 1 - place, place).long()[:, :, None]
        hidden = embedded
        states: list[Tensor] = []
        for ahead, back in zip(self.ahead, self.back, strict=True):
            if states:
                hidden = self.dropout(hidden)
            turned = hidden.gather(1, reverse.expand(-1, -1, hidden.shape[2]))
            returned = back(turned)
            returned = returned.gather(1, reverse.expand(-1, -1, returned.shape[2]))
            hidden = torch.cat([ahead(hidden), returned], dim=-1)
            states.append(hidden)
        return states

    pool = staticmethod(masked_max)


class Cnn(nn.Module):
    """Convolutions of several widths side by side, ReLU, and the maximum over time (Kim, 2014)."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.windows = tuple(config.windows)
        count = len(self.windows)
        cuts = [config.hidden_size * i // count for i in range(count + 1)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.hidden_size, high - low, window)
            for window, (low, high) in zip(self.windows, itertools.pairwise(cuts), strict=True)
        )

    def forward(self, embedded: Tensor, mask: Tensor) -> list[Tensor]:
        # Padding reads as 0, as does what lies beyond a row's ends.
        x = (embedded * mask[:, :, None].to(embedded.dtype)).transpose(1, 2)
        maps = []
        for window, convolution in zip(self.windows, self.convolutions, strict=True):
            maps.append(convolution(nn.functional.pad(x, ((window - 1) // 2, window // 2))))
        return [torch.relu(torch.cat(maps, dim=1)).transpose(1, 2)]

    pool = staticmethod(masked_max)


class Static(nn.Module):
    """The mean of token embeddings (Iyyer et al., 2015). Its one hidden state is that mean at every token."""

    def __init__(self, config: Any) -> None:
        super().__init__()

    def forward(self, embedded: Tensor, mask: Tensor) -> list[Tensor]:
        return [masked_mean(embedded, mask)[:, None, :].expand(-1, embedded.shape[1], -1)]

    def pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        return hidden[:, 0]


_library = torch.library.Library("edgekit", "DEF")
_library.define(
    "lstm(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, "
    "bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)"
)
_library.impl("lstm", lambda *args: torch.ops.aten.lstm.input(*args), "CompositeExplicitAutograd")


@torch.library.register_fake("edgekit::lstm", lib=_library)
def _lstm_shapes(x: Tensor, hx: list[Tensor], *_: Any) -> tuple[Tensor, Tensor, Tensor]:
    hidden = hx[0]
    outputs = x.new_empty(x.shape[0], x.shape[1], hidden.shape[2])
    return outputs, torch.empty_like(hidden), torch.empty_like(hidden)


def _know_in_coreml() -> None:
    """Tells coremltools, where installed, that `edgekit::lstm` is PyTorch's LSTM."""
    import importlib.util

    if importlib.util.find_spec("coremltools") is None:
        return
    from coremltools.converters.mil.frontend.torch.ops import lstm
    from coremltools.converters.mil.frontend.torch.torch_op_registry import _TORCH_OPS_REGISTRY

    _TORCH_OPS_REGISTRY.set_func_by_name(lstm, "edgekit::lstm")
