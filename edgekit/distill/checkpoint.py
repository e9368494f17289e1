"""Resumable training state without a pickle: tensors in safetensors, the rest in JSON.

One folder per checkpoint, written under a temporary name and renamed, so that a kill at any moment leaves
the previous one whole. No random state is kept: the loop seeds every step from the run's seed and the step.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
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
    step: int = 0  # optimizer steps in all, skipped ones included
    seconds: float = 0.0  # training time, evaluations left out
    samples: int = 0
    loss_sum: float = 0.0  # since the last point of the curve
    loss_count: int = 0
    term_sums: dict[str, float] = field(default_factory=dict)  # since the last line of the log
    term_count: int = 0
    best_score: float = -1.0
    skipped: int = 0  # steps left out for a non-finite loss
    pieces: int = 1  # parts that a batch is cut into since memory ran out
    curve: list[dict[str, Any]] = field(default_factory=list)


def save(
    folder: Path,
    *,
    key: str,
    position: Position,
    distiller: Any,
    optimizers: Sequence[Any],
    scaler: Any,
    best: Mapping[str, Any] | None,
) -> None:
    """Writes a checkpoint.

    Args:
        key: identifies the job; a checkpoint of another job is not resumed.
        distiller: the student with everything that learns or remembers beside it.
        scaler: of the loss, in fp16 (`torch.amp.GradScaler`).
        best: the student's state dict at the best evaluation so far, or None.
    """
    with atomic(folder) as temporary:
        temporary.mkdir(parents=True)
        save_tensors(temporary / "distiller.safetensors", distiller.state_dict())
        if best is not None:
            save_tensors(temporary / "best.safetensors", best)
        tensors, told = _optimizer_state(optimizers)
        save_tensors(temporary / "optimizer.safetensors", tensors)
        write_json(
            temporary / "state.json",
            {"key": key, "position": asdict(position), "optimizers": told, "scaler": scaler.state_dict()},
        )


def resume(
    folder: Path, *, key: str, distiller: Any, optimizers: Sequence[Any], scaler: Any
) -> tuple[Position, dict[str, Any] | None] | None:
    """Restores a checkpoint of the same job, bit for bit; None when there is none.

    Raises:
        TrainingError: a file of the checkpoint is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (folder / "state.json").is_file():
        return None
    try:
        told = read_json(folder / "state.json")
        if told["key"] != key:
            return None
        distiller.load_state_dict(load_file(folder / "distiller.safetensors"))
        tensors = load_file(folder / "optimizer.safetensors")
        best_file = folder / "best.safetensors"
        best = load_file(best_file) if best_file.is_file() else None
        position = Position(**told["position"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise TrainingError(
            f"The checkpoint {folder} is damaged: {error}",
            remedy="Delete that folder and run again; training starts over.",
        ) from error
    for number, (optimizer, one) in enumerate(zip(optimizers, told["optimizers"], strict=True)):
        state: dict[int, dict[str, Any]] = {int(i): dict(entry) for i, entry in one["state"].items()}
        for name, value in tensors.items():
            owner, index, field_name = name.split(".", 2)
            if int(owner) == number:
                state.setdefault(int(index), {})[field_name] = value
        optimizer.load_state_dict({"state": state, "param_groups": one["groups"]})
    if told["scaler"]:
        scaler.load_state_dict(told["scaler"])
    return position, best


def _optimizer_state(optimizers: Sequence[Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Tensors by `optimizer.parameter.field`, and what is no tensor."""
    import torch

    tensors, told = {}, []
    for number, optimizer in enumerate(optimizers):
        state = optimizer.state_dict()
        plain: dict[int, dict[str, Any]] = {}
        for index, entry in state["state"].items():
            for name, value in entry.items():
                if isinstance(value, torch.Tensor):
                    tensors[f"{number}.{index}.{name}"] = value
                else:
                    plain.setdefault(index, {})[name] = value
        told.append({"groups": state["param_groups"], "state": plain})
    return tensors, told


def save_tensors(path: Path, tensors: Mapping[str, Any]) -> None:
    """Writes tensors from any device, also tied or strided ones, which safetensors itself refuses."""
    from safetensors.torch import save_file

    seen: set[int] = set()
    flat = {}
    for name, value in tensors.items():
        one = value.detach().cpu().contiguous()
        start = one.untyped_storage().data_ptr()
        flat[name] = one.clone() if start in seen else one
        seen.add(start)
    save_file(flat, path)


def drop(folder: Path) -> None:
    """Deletes a checkpoint once the stage's result is safe."""
    shutil.rmtree(folder, ignore_errors=True)
