"""OpenVINO IR on its CPU plugin, tuned for latency."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov


class OpenVINOModel:
    """One compiled model and one request."""

    def __init__(self, path: Path, precision: str, threads: int) -> None:
        compiled = ov.Core().compile_model(
            path,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": precision,
            },
        )
        self._request = compiled.create_infer_request()
        self._names = [tensor.any_name for tensor in compiled.inputs]
        self.size_bytes = sum(p.stat().st_size for p in (path, path.with_suffix(".bin")))

    def prepare(self, row: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: row[name] for name in self._names}

    def call(self, prepared: dict[str, np.ndarray]) -> Any:
        return self._request.infer(prepared, share_inputs=True, share_outputs=True)

    def logits(self, answer: Any) -> np.ndarray:
        return np.array(answer[0])


def open_model(path: Path, settings: dict[str, Any], threads: int) -> OpenVINOModel:
    """Opens an `.xml`; `settings` has the `precision` of what is not int8: "f32" or "bf16"."""
    return OpenVINOModel(path, settings["precision"], threads)
