"""A decoder as plain transformers runs it: the reference, which shares no code with what is exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


class TransformersDecoder:
    """Runs a `…ForCausalLM` in fp32 on the CPU, with its own cache.

    Args:
        model: in evaluation mode.
        context: tokens of a text at most.
    """

    def __init__(self, model: Any, *, context: int, threads: int = 1) -> None:
        import transformers

        self._model, self._threads, self.context = model, threads, context
        self.name = f"transformers {transformers.__version__} (fp32)"
        self.begin(0)

    def begin(self, most: int) -> None:
        """See `DecoderRunner.begin`."""
        self._cache: Any = None

    def extend(self, ids: Sequence[int]) -> np.ndarray:
        """See `DecoderRunner.extend`; a row for every token."""
        import torch

        before = torch.get_num_threads()  # the setting is the whole process's
        try:
            torch.set_num_threads(self._threads)
            with torch.inference_mode():
                told = self._model(
                    input_ids=torch.tensor([list(ids)]), past_key_values=self._cache, use_cache=True
                )
        finally:
            torch.set_num_threads(before)
        self._cache = told.past_key_values
        return told.logits[0].numpy()
