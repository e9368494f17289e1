"""A GGUF file in llama.cpp, by its own C functions, as llama-bench calls them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp as ll
import numpy as np

BATCH = 512  # tokens at once, llama-bench's own


class LlamaModel:
    def __init__(self, path: Path, threads: int, context: int) -> None:
        ll.llama_backend_init()
        model = ll.llama_model_default_params()
        model.n_gpu_layers = 0
        self._model = ll.llama_model_load_from_file(str(path).encode(), model)
        if not self._model:
            raise ValueError(f"{path} can't be loaded")
        params = ll.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = context, BATCH, BATCH
        params.n_threads = params.n_threads_batch = threads
        self._context = ll.llama_init_from_model(self._model, params)
        self._vocabulary = ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(self._model))
        features = ll.llama_print_system_info().decode()
        self.name = f"llama-cpp-python {ll.__version__}: {features}"

    def begin(self, most: int) -> None:
        ll.llama_memory_clear(ll.llama_get_memory(self._context), True)

    def read(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), BATCH):
            part = ids[start : start + BATCH]
            tokens = (ll.llama_token * len(part))(*part)
            if ll.llama_decode(self._context, ll.llama_batch_get_one(tokens, len(part))):
                raise RuntimeError("llama_decode failed")
        ll.llama_synchronize(self._context)

    def likeliest(self) -> int:
        logits = ll.llama_get_logits_ith(self._context, -1)
        return int(np.ctypeslib.as_array(logits, shape=(self._vocabulary,)).argmax())


def open_model(path: Path, settings: dict[str, Any], threads: int) -> LlamaModel:
    return LlamaModel(path, threads, settings["context"])


def quantize(source: Path, target: Path, kind: str) -> None:
    """Writes a GGUF file of another type with llama.cpp's own quantizer."""
    params = ll.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize = getattr(ll, f"LLAMA_FTYPE_MOSTLY_{kind}"), True
    if ll.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params)):
        raise RuntimeError(f"{source} can't be written as {kind}")


if __name__ == "__main__":
    import sys

    quantize(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
