"""A decoder in ONNX Runtime, its caches written in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.files import read_json
from edgekit.runtimes.onnx_session import open_session

if TYPE_CHECKING:
    import numpy as np

PAST = "past_key_values."
CACHE_DTYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(int8)": "int8"}


@dataclass(frozen=True, slots=True)
class Cache:
    """Keys or values of one layer."""

    heads: int
    width: int
    dtype: str  # numpy's name


class OnnxDecoder:
    """Runs a graph with onnxruntime-genai's inputs on ONNX Runtime's CPU provider.

    Everything that a step with one token needs is bound once for a text, and only its mask grows: binding
    sixty caches anew cost half a millisecond, of seven, on a model of 135 M.
    """

    def __init__(self, path: Path, *, context: int, threads: int = 1) -> None:
        self._session, self.name = open_session(path, threads=threads, spin=True)
        self.path, self.context, self._past, self._capacity = path, context, 0, 0
        inputs = {i.name: i for i in self._session.get_inputs()}
        self.caches = {name: _cache(path, i) for name, i in inputs.items() if name.startswith(PAST)}
        self._places = "position_ids" in inputs
        self._vocabulary = next(o.shape[-1] for o in self._session.get_outputs() if o.name == "logits")
        if not self.caches:
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
            name: ort.OrtValue.ortvalue_from_numpy(np.zeros((1, one.heads, length, one.width), one.dtype))
            for name, one in self.caches.items()
        }
        self._mask = np.ones((1, length), np.int64)
        # Arrays that a step writes into; the runtime reads and writes this same memory.
        self._token, self._place = np.zeros((1, 1), np.int64), np.zeros((1, 1), np.int64)
        self._logits = np.empty((1, 1, self._vocabulary), np.float32)
        self._step = self._bound(self._token, self._place)
        self._step.bind_ortvalue_output("logits", ort.OrtValue.ortvalue_from_numpy(self._logits))

    def extend(self, ids: Sequence[int]) -> np.ndarray:
        """See `DecoderRunner.extend`; one row, unless the graph was exported with all logits."""
        import numpy as np

        end = self._past + len(ids)
        assert end <= self._capacity, "begin() was told of a shorter text"
        if len(ids) == 1:
            self._token[0, 0], self._place[0, 0] = ids[0], self._past
            binding = self._step
        else:
            # Kept until the call is over: the runtime reads this memory and does not hold it.
            held = np.array([ids], np.int64), np.arange(self._past, end, dtype=np.int64)[None]
            binding = self._bound(*held)
            binding.bind_output("logits", "cpu")
        binding.bind_cpu_input("attention_mask", self._mask[:, :end])
        self._session.run_with_iobinding(binding)
        self._past = end
        if len(ids) == 1:
            return self._logits[0].copy()  # the next step writes over it
        return binding.get_outputs()[-1].numpy()[0]

    def _bound(self, ids: np.ndarray, places: np.ndarray) -> Any:
        """Inputs and caches of a call, all but its mask."""
        binding = self._session.io_binding()
        binding.bind_cpu_input("input_ids", ids)
        if self._places:
            binding.bind_cpu_input("position_ids", places)
        for name, buffer in self._buffers.items():
            # The same memory on both sides: GroupQueryAttention then appends to it.
            binding.bind_ortvalue_input(name, buffer)
            binding.bind_ortvalue_output(name.replace(PAST, "present."), buffer)
        return binding


def _cache(path: Path, given: Any) -> Cache:
    """A cache as the graph's input `[1, heads, T, width]` has it.

    onnxruntime-genai's builder leaves width open.

    Raises:
        ModelError: a type that no array here has.
    """
    if given.type not in CACHE_DTYPES:
        raise ModelError(
            f"{path} keeps keys and values in {given.type}.",
            remedy=f"Use a model with caches in one of: {', '.join(CACHE_DTYPES)}.",
        )
    _, heads, _, width = given.shape
    if not (isinstance(heads, int) and isinstance(width, int)):
        told = read_json(path.parent / "genai_config.json")["model"]["decoder"]
        heads, width = int(told["num_key_value_heads"]), int(told["head_size"])
    return Cache(heads, width, CACHE_DTYPES[given.type])
