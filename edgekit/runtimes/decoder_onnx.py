"""A decoder in ONNX Runtime, its caches written in place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.runtimes.onnx_session import open_session

if TYPE_CHECKING:
    import numpy as np

PAST = "past_key_values."


class OnnxDecoder:
    """Runs a graph with onnxruntime-genai's inputs on ONNX Runtime's CPU provider."""

    def __init__(self, path: Path, *, context: int, threads: int = 1) -> None:
        self._session, self.name = open_session(path, threads=threads, spin=True)
        self.context, self._past, self._capacity = context, 0, 0
        self._caches = {i.name: i.shape for i in self._session.get_inputs() if i.name.startswith(PAST)}
        self._places = any(i.name == "position_ids" for i in self._session.get_inputs())
        self._buffers: dict[str, Any] = {}
        if not self._caches:
            raise ModelError(f"{path} has no caches.", remedy="Export it with a key-value cache.")

    def begin(self, most: int) -> None:
        """See `DecoderRunner.begin`. The caches are as long as the text may become, not as the context."""
        import numpy as np
        import onnxruntime as ort

        self._past = 0
        length = min(most, self.context)
        if self._capacity == length:
            return
        self._capacity = length
        self._buffers = {
            name: ort.OrtValue.ortvalue_from_numpy(np.zeros((1, shape[1], length, shape[3]), np.float32))
            for name, shape in self._caches.items()
        }

    def extend(self, ids: Sequence[int]) -> np.ndarray:
        """See `DecoderRunner.extend`; one row, unless the graph was exported with all logits."""
        import numpy as np

        end = self._past + len(ids)
        assert end <= self._capacity, "begin() was told of a shorter text"
        binding = self._session.io_binding()
        binding.bind_cpu_input("input_ids", np.array([ids], np.int64))
        binding.bind_cpu_input("attention_mask", np.ones((1, end), np.int64))
        if self._places:
            binding.bind_cpu_input("position_ids", np.arange(self._past, end, dtype=np.int64)[None])
        binding.bind_output("logits", "cpu")
        for name, buffer in self._buffers.items():
            # The same memory on both sides: GroupQueryAttention then appends to it.
            binding.bind_ortvalue_input(name, buffer)
            binding.bind_ortvalue_output(name.replace(PAST, "present."), buffer)
        self._session.run_with_iobinding(binding)
        self._past = end
        return binding.get_outputs()[0].numpy()[0]
