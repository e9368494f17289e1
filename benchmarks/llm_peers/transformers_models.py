"""A folder of safetensors in transformers, its forward pass alone: `generate` adds some time a token."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers


class TransformersModel:
    def __init__(self, path: Path, threads: int, dtype: str) -> None:
        torch.set_num_threads(threads)
        kind = getattr(torch, dtype)
        self._model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=kind).eval()
        self.name = f"transformers {transformers.__version__}, PyTorch {torch.__version__}, {dtype}"

    def begin(self, most: int) -> None:
        self._cache = transformers.DynamicCache(config=self._model.config)

    def read(self, ids: Sequence[int]) -> None:
        with torch.inference_mode():
            told = self._model(
                torch.tensor([list(ids)]), past_key_values=self._cache, use_cache=True, logits_to_keep=1
            )
        self._logits = told.logits

    def likeliest(self) -> int:
        return int(self._logits[0, -1].argmax())


def open_model(path: Path, settings: dict[str, Any], threads: int) -> TransformersModel:
    return TransformersModel(path, threads, settings["dtype"])
