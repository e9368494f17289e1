"""Runs a decoder from a folder, an exported folder or a package: token ids in, logits of the next one out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgekit.errors import ModelError
from edgekit.files import PACKAGES, read_json

if TYPE_CHECKING:
    import numpy as np


class DecoderRunner(Protocol):
    """A loaded decoder with its caches. Calls depend on one another: one text at a time."""

    name: str  # what executes it
    context: int  # tokens that the caches can hold

    def begin(self, most: int) -> None:
        """Empties the caches for a text of at most `most` tokens, prompt included."""

    def extend(self, ids: Sequence[int]) -> np.ndarray:
        """Reads tokens after those that were read before.

        Returns:
            Logits float32 `[n, V]` of what follows; n is 1 or `len(ids)`, the last row is the last token's.
        """


@dataclass(frozen=True, slots=True)
class OpenDecoder:
    """A decoder that is ready to read, its tokenizer, and the tokens that end a text."""

    runner: DecoderRunner
    processor: Any
    stop_ids: tuple[int, ...]


def open_decoder(path: Path, *, threads: int = 1, context: int | None = None) -> OpenDecoder:
    """Opens a decoder.

    Args:
        path: a folder of safetensors, a `.gguf` file, an ONNX folder that edgekit (or onnxruntime-genai's
            builder) wrote, or an `.mlpackage` or `.aimodel` with the tokenizer beside it.
        threads: CPU threads.
        context: tokens that the caches hold; exported files have their own.

    Raises:
        ModelError: not a decoder, or damaged.
        ExportError: a family or setting that can't be expressed.
    """
    from edgekit.models.decoders.load import load_decoder, load_text_tokenizer, stop_ids

    if path.suffix in PACKAGES:
        processor = load_text_tokenizer(path.parent)
        told = [_Told(path.parent / name) for name in ("generation_config.json", "config.json")]
        return OpenDecoder(_package(path), processor, stop_ids(processor, *told))
    genai = path / "genai_config.json"
    if genai.is_file():
        from edgekit.runtimes.decoder_onnx import OnnxDecoder

        model = read_json(genai)["model"]
        runner = OnnxDecoder(
            path / model["decoder"]["filename"], context=model["context_length"], threads=threads
        )
        processor = load_text_tokenizer(path)
        return OpenDecoder(runner, processor, stop_ids(processor, _Told(genai, "model")))
    if path.is_dir() or path.suffix == ".gguf":
        from edgekit.runtimes.decoder_torch import TorchDecoder

        loaded = load_decoder(path, context=context)
        return OpenDecoder(TorchDecoder(loaded.decoder, threads=threads), loaded.processor, loaded.stop_ids)
    raise ModelError(
        f"{path} is not a decoder that edgekit can run.",
        remedy="Give a model folder, a .gguf file, an exported ONNX folder, an .mlpackage or an .aimodel.",
    )


def _package(path: Path) -> DecoderRunner:
    if path.suffix == ".aimodel":
        from edgekit.runtimes.decoder_coreai import CoreAIDecoder

        return CoreAIDecoder(path)
    from edgekit.runtimes.decoder_coreml import CoreMLDecoder

    return CoreMLDecoder(path)


class _Told:
    """`eos_token_id` as a JSON file has it; None without the file."""

    def __init__(self, path: Path, *keys: str) -> None:
        found = read_json(path) if path.is_file() else {}
        for key in keys:
            found = found[key]
        self.eos_token_id = found.get("eos_token_id")
