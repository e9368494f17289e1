"""An ONNX folder in onnxruntime-genai."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime_genai as og


class GenaiModel:
    def __init__(self, path: Path, threads: int) -> None:
        config = og.Config(str(path))
        session = {"intra_op_num_threads": threads}
        config.overlay(json.dumps({"model": {"decoder": {"session_options": session}}}))
        self._model = og.Model(config)
        self.name = f"onnxruntime-genai {og.__version__}"

    def begin(self, most: int) -> None:
        params = og.GeneratorParams(self._model)
        params.set_search_options(max_length=most, do_sample=False)
        self._generator = og.Generator(self._model, params)

    def read(self, ids: Sequence[int]) -> None:
        self._generator.append_tokens(np.asarray(ids, dtype=np.int32))

    def likeliest(self) -> int:
        return int(np.asarray(self._generator.get_logits()).reshape(-1).argmax())


def open_model(path: Path, settings: dict[str, Any], threads: int) -> GenaiModel:
    return GenaiModel(path, threads)
