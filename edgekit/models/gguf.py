"""GGUF files: where one lies, and a model that came out of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.errors import ModelError


def locate(path: Path) -> tuple[Path, dict[str, Any]]:
    """A model's folder, and what transformers must be told to find a GGUF file there, if one is meant.

    Args:
        path: a folder, its config.json, or a `.gguf` file. A folder with config.json is not searched for one.

    Raises:
        ModelError: nothing there, or several GGUF files.
    """
    if path.is_file() and path.suffix == ".gguf":
        return path.parent, {"gguf_file": path.name}
    if path.is_file() and path.name == "config.json":
        return path.parent, {}
    if not path.is_dir():
        raise ModelError(f"{path} is no model folder and no .gguf file.", remedy="Check the path.")
    found = sorted(path.glob("*.gguf"))
    if (path / "config.json").is_file() or not found:
        return path, {}
    if len(found) > 1:
        raise ModelError(
            f"{path} holds {len(found)} GGUF files: {', '.join(p.name for p in found)}.",
            remedy="Give the path of one of them.",
        )
    return path, {"gguf_file": found[0].name}


def forget_quantization(model: Any) -> None:
    """What came out of a GGUF file is plain numbers from here on, which transformers does not notice."""
    model.hf_quantizer = None
    for told in ("is_quantized", "quantization_method"):
        model.__dict__.pop(told, None)
    vars(model.config).pop("quantization_config", None)
