"""Runs a model over rows, and puts two models' outputs in the same terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.batches import by_length, chosen_rows, pad_rows
from edgekit.tasks import get_task

if TYPE_CHECKING:
    import numpy as np

    from edgekit.runtimes.runner import Runner
    from edgekit.types import Rows


def run_rows(
    runner: Runner,
    rows: Rows,
    *,
    pad_id: int,
    batch_size: int = 1,
    title: str = "",
    keep: Callable[[np.ndarray], Any] | None = None,
) -> Any:
    """First output of every row, in the rows' order.

    Args:
        batch_size: 1 is what a device does. It matters for dynamic int8, whose activation scales are
            taken over the whole batch.
        keep: what to keep of a row's output; None keeps all of it, which for a masked-lm is 30,000 numbers a
            token.

    Returns:
        `[N, C]` float32; of a task that answers per token, a list of N arrays `[L, C]`, padding left out;
        with `keep`, a list of what it returned.
    """
    import numpy as np

    per_token = get_task(runner.signature.task).per_token
    name = runner.signature.outputs[0].name
    found: list[Any] = [None] * len(rows)
    with progress.bar(title or f"Running {runner.name}", len(rows), "rows") as bar:
        for indices in by_length(rows, batch_size):
            chosen = chosen_rows(rows, indices)
            batch = pad_rows(chosen, runner.signature, pad_id=pad_id)
            for index, row, value in zip(indices, chosen, runner.run(batch)[name], strict=True):
                value = value[: len(row["input_ids"])] if per_token else value
                found[index] = keep(value) if keep else value
            bar.advance(len(indices))
    return found if per_token or keep else np.stack(found)


def run_row(runner: Runner, row: Mapping[str, Sequence[int]], *, pad_id: int) -> np.ndarray:
    """First output of one row alone: `[C]`, or `[L, C]` per token."""
    name = runner.signature.outputs[0].name
    value = runner.run(pad_rows([row], runner.signature, pad_id=pad_id))[name][0]
    return value[: len(row["input_ids"])] if get_task(runner.signature.task).per_token else value


def as_output(logits: np.ndarray, output: str, task: str = "text-classification") -> np.ndarray:
    """Reference outputs `[…, C]` in the terms of the compared artifact: its probabilities, or as they are."""
    if output != "probabilities":
        return logits
    from scipy.special import expit, softmax

    return expit(logits) if get_task(task).truth == "classes" else softmax(logits, axis=-1)


def cosine_rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of each pair of rows, `[N]`; two zero rows count as equal."""
    import numpy as np

    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    dots = (a * b).sum(-1)
    return np.where(norms == 0, 1.0, dots / np.where(norms == 0, 1.0, norms))
