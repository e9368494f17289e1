"""Runs a model over rows and compares two models' outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit import progress
from edgekit.batches import by_length, chosen_rows, pad_rows

if TYPE_CHECKING:
    import numpy as np

    from edgekit.runtimes.runner import Runner
    from edgekit.types import Rows


def run_rows(runner: Runner, rows: Rows, *, pad_id: int, batch_size: int = 1, title: str = "") -> np.ndarray:
    """First output of every row, in the rows' order.

    Args:
        batch_size: 1 is what a device does. It matters for dynamic int8, whose activation scales are
            taken over the whole batch.

    Returns:
        `[N, C]` float32.
    """
    import numpy as np

    name = runner.signature.outputs[0].name
    found: list[tuple[int, np.ndarray]] = []
    with progress.bar(title or f"Running {runner.name}", len(rows), "rows") as bar:
        for indices in by_length(rows, batch_size):
            batch = pad_rows(chosen_rows(rows, indices), runner.signature, pad_id=pad_id)
            found.extend(zip(indices, runner.run(batch)[name], strict=True))
            bar.advance(len(indices))
    found.sort(key=lambda pair: pair[0])
    return np.stack([value for _, value in found])


def as_output(logits: np.ndarray, output: str) -> np.ndarray:
    """Reference logits `[N, C]` in the terms of the compared artifact: its probabilities, or the logits."""
    if output != "probabilities":
        return logits
    from scipy.special import softmax

    return softmax(logits, axis=-1)


def cosine_rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of each pair of rows, `[N]`; two zero rows count as equal."""
    import numpy as np

    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    dots = (a * b).sum(-1)
    return np.where(norms == 0, 1.0, dots / np.where(norms == 0, 1.0, norms))
