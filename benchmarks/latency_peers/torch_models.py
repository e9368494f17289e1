"""The student in PyTorch: as it is, compiled, and with torchao's int8."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._inductor.config
from transformers import AutoModelForSequenceClassification


class TorchModel:
    """A module, perhaps quantized and compiled."""

    def __init__(self, path: Path, *, int8: bool, compile: bool) -> None:
        module = AutoModelForSequenceClassification.from_pretrained(path).eval()
        if int8:
            from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

            quantize_(module, Int8DynamicActivationInt8WeightConfig())
        stored = io.BytesIO()
        torch.save(module.state_dict(), stored)
        self.size_bytes = stored.tell()
        if compile:
            # Packs fp32 weights; torchao's int8 is faster without. As an option of torch.compile it
            # does nothing: the graph is captured with weights as inputs. Read when the first rows run.
            torch._inductor.config.freezing = not int8
            module = torch.compile(module, dynamic=True)
        self._module = module

    def prepare(self, row: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(value) for name, value in row.items()}

    def call(self, prepared: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.no_grad():
            return self._module(**prepared).logits

    def logits(self, answer: torch.Tensor) -> np.ndarray:
        return answer.float().numpy()


def open_model(path: Path, settings: dict[str, Any], threads: int) -> TorchModel:
    """Opens a model folder; `settings` has `int8` and `compile`."""
    torch.set_num_threads(threads)
    return TorchModel(path, int8=settings["int8"], compile=settings["compile"])
