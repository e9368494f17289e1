"""Resumable training state without a pickle: tensors in safetensors, the rest in JSON.

One folder per checkpoint, written under a temporary name and renamed, so that a kill at any moment leaves
the previous one whole.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgekit.errors import TrainingError
from edgekit.files import atomic, read_json, write_json


@dataclass
class Position:
    """How far training has come; everything but the tensors."""

    epoch: int = 0
    batch: int = 0  # batches of this epoch that are done
    step: int = 0  # optimizer steps in all
    seconds: float = 0.0  # training time, evaluations left out
    samples: int = 0
    loss_sum: float = 0.0  # since the last point of the curve
    loss_count: int = 0
    best_score: float = -1.0
    skipped: int = 0  # batches left out for a non-finite loss
    curve: list[dict[str, Any]] = field(default_factory=list)


def save(
    folder: Path, *, key: str, position: Position, module: Any, optimizer: Any, best: Any | None
) -> None:
    """Writes a checkpoint.

    Args:
        key: identifies the job; a checkpoint of another job is not resumed.
        best: state dict of the best evaluation so far, or None.
    """
    import torch
    from safetensors.torch import save_file

    with atomic(folder) as temporary:
        temporary.mkdir(parents=True)
        save_file(_flat(module.state_dict()), temporary / "model.safetensors")
        if best is not None:
            save_file(_flat(best), temporary / "best.safetensors")
        state = optimizer.state_dict()
        tensors = {
            f"{index}.{name}": value
            for index, entry in state["state"].items()
            for name, value in entry.items()
            if isinstance(value, torch.Tensor)
        }
        tensors["rng.cpu"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["rng.cuda"] = torch.cuda.get_rng_state()
        save_file(_flat(tensors), temporary / "optimizer.safetensors")
        write_json(
            temporary / "state.json",
            {"key": key, "position": asdict(position), "groups": state["param_groups"]},
        )


def resume(folder: Path, *, key: str, module: Any, optimizer: Any) -> tuple[Position, Any | None] | None:
    """Restores a checkpoint of the same job, bit for bit; None when there is none.

    Raises:
        TrainingError: a file of the checkpoint is damaged.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (folder / "state.json").is_file():
        return None
    try:
        told = read_json(folder / "state.json")
        if told["key"] != key:
            return None
        module.load_state_dict(load_file(folder / "model.safetensors"))
        tensors = load_file(folder / "optimizer.safetensors")
        best_file = folder / "best.safetensors"
        best = load_file(best_file) if best_file.is_file() else None
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise TrainingError(
            f"The checkpoint {folder} is damaged: {error}",
            remedy="Delete that folder and run again; training starts over.",
        ) from error
    torch.set_rng_state(tensors.pop("rng.cpu"))
    cuda = tensors.pop("rng.cuda", None)
    if cuda is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(cuda)
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        index, field_name = name.split(".", 1)
        state.setdefault(int(index), {})[field_name] = value
    optimizer.load_state_dict({"state": state, "param_groups": told["groups"]})
    return Position(**told["position"]), best


def drop(folder: Path) -> None:
    """Deletes a checkpoint once the stage's result is safe."""
    shutil.rmtree(folder, ignore_errors=True)


def _flat(tensors: Any) -> dict[str, Any]:
    # safetensors refuses tensors that share memory or are strided.
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
