"""A decoder in PyTorch: what exported ones are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


class TorchDecoder:
    """Runs an export-ready decoder (`edgekit.models.decoders`) in fp32 on the CPU."""

    def __init__(self, decoder: Any, *, threads: int = 1) -> None:
        import torch

        self._decoder, self._threads, self._past = decoder.eval(), threads, 0
        self.context = decoder.context
        plural = "s" if threads > 1 else ""
        self.name = f"PyTorch {torch.__version__.split('+')[0]} (CPU, {threads} thread{plural})"

    def begin(self, most: int) -> None:
        """See `DecoderRunner.begin`. What the caches held before is never read again."""
        self._past = 0

    def extend(self, ids: Sequence[int]) -> np.ndarray:
        """See `DecoderRunner.extend`; a row for every token."""
        import torch

        from edgekit.models.decoders.module import causal_mask

        before = torch.get_num_threads()  # the setting is the whole process's
        try:
            torch.set_num_threads(self._threads)
            with torch.inference_mode():
                logits = self._decoder(torch.tensor([list(ids)]), causal_mask(len(ids), self._past))
        finally:
            torch.set_num_threads(before)
        self._past += len(ids)
        return logits[0].numpy()
