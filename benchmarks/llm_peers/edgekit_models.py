"""An ONNX folder in edgekit's own runner."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime  # noqa: F401 - so that loading a model is not importing it

from edgekit.runtimes.decoder_onnx import OnnxDecoder


class EdgekitModel:
    def __init__(self, path: Path, threads: int) -> None:
        told = json.loads((path / "genai_config.json").read_text(encoding="utf-8"))["model"]
        self._runner = OnnxDecoder(
            path / told["decoder"]["filename"], context=told["context_length"], threads=threads
        )
        self.name = self._runner.name

    def begin(self, most: int) -> None:
        self._runner.begin(most)

    def read(self, ids: Sequence[int]) -> None:
        self._logits = self._runner.extend(ids)

    def likeliest(self) -> int:
        return int(self._logits[-1].argmax())


def open_model(path: Path, settings: dict[str, Any], threads: int) -> EdgekitModel:
    return EdgekitModel(path, threads)
