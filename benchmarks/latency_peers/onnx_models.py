"""ONNX files on ONNX Runtime's CPU provider, the same settings for whoever made them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

_DTYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class OnnxModel:
    """One session."""

    def __init__(self, path: Path, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Spinning inside a call, as by default, but not into the next contestant's.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._inputs = [(i.name, _DTYPES[i.type]) for i in self._session.get_inputs()]
        data = [p for p in path.parent.glob(f"{path.name}*data") if p.is_file()]
        self.size_bytes = sum(p.stat().st_size for p in [path, *data])

    def prepare(self, row: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: row[name].astype(dtype) for name, dtype in self._inputs}

    def call(self, prepared: dict[str, np.ndarray]) -> Any:
        return self._session.run(None, prepared)

    def logits(self, answer: Any) -> np.ndarray:
        return np.asarray(answer[0])


def open_model(path: Path, settings: dict[str, Any], threads: int) -> OnnxModel:
    """Opens an `.onnx` file."""
    return OnnxModel(path, threads)
