"""The row that shows a fault best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.batches import by_length, chosen_rows, length_of, pad_rows
from edgekit.tasks import get_task
from edgekit.verify.outputs import as_output

if TYPE_CHECKING:
    from edgekit.runtimes.runner import Runner
    from edgekit.types import Batch, Rows

ROWS = 6  # short to long
PADDING = 5  # tokens: a mask is only at work where there is padding


def worst_batch(candidate: Runner, reference: Runner, rows: Rows, *, pad_id: int) -> Batch:
    """Of a few rows of all lengths, each with and without padding, the one with the largest error.

    Returns:
        Input name → int64 `[1, L]`.
    """
    import numpy as np

    task, output = reference.signature.task, candidate.signature.outputs[0].name
    limit = candidate.signature.max_length or max(length_of(row) for row in rows)
    order = [i for [i] in by_length(rows, 1)]
    chosen = [order[i * (len(order) - 1) // max(1, ROWS - 1)] for i in range(ROWS)]
    worst: tuple[float, Batch] | None = None
    for [row] in (chosen_rows(rows, [i]) for i in dict.fromkeys(chosen)):
        length = length_of(row)
        for width in dict.fromkeys((length, min(length + PADDING, limit))):
            batch = pad_rows([row], reference.signature, pad_id=pad_id, width=width)
            wanted = as_output(reference.run(batch)[reference.signature.outputs[0].name], output, task)
            got = candidate.run(batch)[output]
            if get_task(task).per_token:
                got, wanted = got[:, :length], wanted[:, :length]
            error = float(np.abs(got - wanted).max()) if np.isfinite(got).all() else float("inf")
            if worst is None or error > worst[0]:
                worst = (error, batch)
    assert worst is not None  # there is always a row
    return worst[1]
