"""The name of a teacher's answers: a hash of the bytes of everything that they depend on."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import __version__
from edgekit.distill.knowledge import Needs
from edgekit.files import sha256_file, sha256_json

if TYPE_CHECKING:
    from edgekit.types import Rows

TOKENIZER_FILES = (
    *("tokenizer*", "vocab*", "merges*", "special_tokens*", "added_tokens*", "*.model", "spm*"),
    "preprocessor_config.json",
)


def answers_key(
    module: Any,
    rows: Rows,
    *,
    needs: Needs,
    autocast: Callable[[], Any],
    top_k: int | None,
    order: Sequence[Sequence[int]],
    key: str,
) -> str:
    """Sha256 of everything that the answers depend on: bytes of weights and rows, arithmetic, versions."""
    import torch
    import transformers

    device = next(module.parameters()).device
    with autocast():
        half = torch.is_autocast_enabled(device.type) and torch.get_autocast_dtype(device.type)
    on_cuda = device.type == "cuda"
    config = module.config.to_dict() if hasattr(module, "config") else {}
    config.pop("_name_or_path", None)  # where the bytes lay
    return sha256_json(
        {
            "files": key,
            "weights": _weights_sha256(module),
            "module": [type(module).__module__, type(module).__qualname__, config],
            "rows": _rows_sha256(rows),
            "order": order,
            "needs": [sorted(needs.hidden), sorted(needs.relations)],
            "top_k": top_k,
            "arithmetic": [device.type, str(half), torch.get_float32_matmul_precision()],
            "hardware": torch.cuda.get_device_name(device) if on_cuda else _cpu_capability(),
            "versions": [__version__, torch.__version__, transformers.__version__],
        }
    )


def tokenizer_key(folder: Path) -> str:
    """Sha256 of the bytes of a model folder's tokenizer files, or of what prepares its images."""
    found = sorted({p for pattern in TOKENIZER_FILES for p in folder.glob(pattern) if p.is_file()})
    return sha256_json([[p.name, sha256_file(p)] for p in found])


def _cpu_capability() -> str:
    import torch

    return str(torch.backends.cpu.get_cpu_capability())


def _weights_sha256(module: Any) -> str:
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        numbers = tensor.detach().cpu().contiguous().flatten()
        digest.update(numbers.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _rows_sha256(rows: Rows) -> str:
    digest = hashlib.sha256()
    for row in rows:
        for name in sorted(row):
            values: Any = row[name]  # token ids, or an array
            told = values if hasattr(values, "tobytes") else array("q", values)
            digest.update(f"{name} {len(values)}\n".encode() + told.tobytes())
    return digest.hexdigest()
