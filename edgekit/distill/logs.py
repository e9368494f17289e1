"""What training leaves to look at: `metrics.jsonl`, TensorBoard events, and the weights of evaluations.

metrics.jsonl               one line per logged step and per evaluation
tensorboard/                the same as events
checkpoints/step-N.safetensors
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit.distill.checkpoint import save_tensors
from edgekit.errors import MissingExtra
from edgekit.files import atomic
from edgekit.recipe.schema import Training


class Log:
    """The log of one training run, continued where a resumed run continues.

    Args:
        folder: where the files go.
        step: what a checkpoint has restored; lines of later steps are dropped, since they come again.

    Raises:
        MissingExtra: `tensorboard` is asked for and not installed.
    """

    def __init__(self, folder: Path, config: Training, *, step: int) -> None:
        self.folder, self.limit = folder, config.keep_checkpoints
        folder.mkdir(parents=True, exist_ok=True)
        if step == 0:
            for old in ("checkpoints", "tensorboard"):
                shutil.rmtree(folder / old, ignore_errors=True)
        lines = folder / "metrics.jsonl"
        kept = _lines_until(lines, step)
        with atomic(lines) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")
        self._stream = lines.open("a", encoding="utf-8")
        self._events = _events(folder / "tensorboard", step) if config.tensorboard else None

    def write(self, kind: str, *, step: int, **values: float) -> None:
        """One line; `kind` is "train" or "evaluation"."""
        self._stream.write(json.dumps({"kind": kind, "step": step, **values}) + "\n")
        self._stream.flush()
        if self._events is not None:
            for name, value in values.items():
                self._events.add_scalar(f"{kind}/{name}", value, step)
            self._events.flush()

    def keep(self, weights: Mapping[str, Any], *, step: int) -> None:
        """Keeps the weights of an evaluation, and as many before it as the recipe says."""
        if not self.limit:
            return
        folder = self.folder / "checkpoints"
        with atomic(folder / f"step-{step:08d}.safetensors") as temporary:
            save_tensors(temporary, weights)
        for old in sorted(folder.glob("step-*.safetensors"))[: -self.limit]:
            old.unlink()

    def close(self) -> None:
        """Closes the files."""
        self._stream.close()
        if self._events is not None:
            self._events.close()


def _lines_until(path: Path, step: int) -> list[str]:
    kept: list[str] = []
    if step == 0 or not path.is_file():
        return kept
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            if json.loads(line)["step"] > step:
                break
        except ValueError:
            break  # cut off by a kill
        kept.append(line)
    return kept


def _events(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingExtra("tensorboard", extra="tensorboard", needed_for="tensorboard: true") from None
    return SummaryWriter(str(folder), purge_step=step + 1)
