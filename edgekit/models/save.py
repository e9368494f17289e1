"""Saves a model in Hub layout: plain transformers loads it, and edgekit knows its signature."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit.codec import to_json
from edgekit.files import atomic, read_json, require_space, write_json
from edgekit.metadata import PROVENANCE_KEY, RANGES_KEY, SIDECAR, SIGNATURE_KEY
from edgekit.quiet import quiet
from edgekit.tasks import TEXT_GENERATION
from edgekit.types import Model

WEIGHTS = "model.safetensors"


def save_model(model: Model, folder: Path, *, provenance: Mapping[str, Any]) -> Path:
    """Writes config, weights (fp32 safetensors), tokenizer and the edgekit sidecar; all or nothing.

    Ranges that quantization-aware training learned (`module.input_ranges`) go into the sidecar.

    Args:
        provenance: what the weights came from (hashes of teacher, data, recipe); kept in the sidecar.

    Raises:
        DiskFull: nothing was overwritten.
    """
    require_space(folder, model.parameters * 4 + 10_000_000, purpose=f"Saving {model.name}")
    with atomic(folder) as temporary:
        temporary.mkdir(parents=True)
        with quiet():
            model.module.save_pretrained(temporary, safe_serialization=True)
        # A decoder was trained on blocks, whose length is no limit of its texts.
        decoder = model.signature.task == TEXT_GENERATION.name
        limit = None if decoder else model.signature.max_length
        save_front_end(model.processor, temporary, max_length=limit)
        told = {SIGNATURE_KEY: to_json(model.signature), PROVENANCE_KEY: to_json(provenance)}
        ranges = getattr(model.module, "input_ranges", {})
        write_json(temporary / SIDECAR, told | ({RANGES_KEY: ranges} if ranges else {}))
    return folder


def read_ranges(folder: Path) -> dict[str, tuple[float, float]]:
    """The ranges in a model folder's sidecar, layer → smallest and largest value; empty: none learned."""
    sidecar = folder / SIDECAR
    told = read_json(sidecar).get(RANGES_KEY, {}) if sidecar.is_file() else {}
    return {name: (float(low), float(high)) for name, (low, high) in told.items()}


def save_front_end(processor: Any, folder: Path, *, max_length: int | None) -> None:
    """Writes the tokenizer's files, told to cut at the length the model was trained for; or how images are
    prepared.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not hasattr(processor, "backend_tokenizer"):
        processor.save_pretrained(folder)
        return
    before = processor.model_max_length
    try:
        if max_length:
            processor.model_max_length = max_length
        processor.save_pretrained(folder)
        _forget_loading(folder / "tokenizer_config.json")
    finally:
        processor.model_max_length = before


def _forget_loading(path: Path) -> None:
    """transformers writes down how the tokenizer was loaded; that is nobody's business later on."""
    told = read_json(path)
    for key in ("is_local", "local_files_only", "name_or_path"):
        told.pop(key, None)
    write_json(path, told)
