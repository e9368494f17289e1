"""Differences between two models, added up row by row: a test set of logits need not fit in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgekit.scores import combined, decide, row_statistics
from edgekit.tasks import get_task
from edgekit.verify.outputs import as_output, cosine_rows

if TYPE_CHECKING:
    import numpy as np


class Tally:
    """What compared rows have shown so far.

    Args:
        task: its name.
        output: the candidate's tensor: "probabilities", or the task's own.
        labels: tag names in id order.
    """

    def __init__(self, task: str, output: str, labels: Sequence[str]) -> None:
        self.task, self.output, self.labels = task, output, labels
        self.finite = True
        self.error = 0.0
        self._cosines: list[float] = []
        self._pairs: list[tuple[float, float]] = []  # of outputs that are one number
        self._agreed: list[float] = []
        self._statistics: list[tuple[tuple[float, ...], tuple[float, ...]]] = []

    def add(self, got: np.ndarray, reference: np.ndarray, truth: Any = None) -> None:
        """One row: the candidate's output and the reference's, `[C]` or `[L, C]`; no truth: not scored."""
        import numpy as np

        expected = as_output(reference, self.output, self.task)
        if np.isfinite(got).all():
            self.error = max(self.error, float(np.abs(got - expected).max()))
        else:
            self.finite, self.error = False, float("inf")
        if got.shape[-1] == 1:
            self._pairs.append((float(got[0]), float(expected[0])))
        else:
            self._cosines.append(float(cosine_rows(got, expected).mean()))
        decided = decide(self.task, got, output=self.output)
        wanted = decide(self.task, reference)
        if decided.dtype.kind != "f":
            per_decision = np.atleast_1d(decided == wanted)
            per_token = get_task(self.task).per_token
            self._agreed.append(float(per_decision.mean() if per_token else per_decision.all()))
        if truth is not None:
            one, other = (
                row_statistics(self.task, side, truth, labels=self.labels) for side in (decided, wanted)
            )
            self._statistics.append((one, other))

    @property
    def cosine(self) -> float:
        """Mean over rows (of a row per token, its mean); of single numbers, of all rows as one vector."""
        import numpy as np

        if not self.finite:
            return 0.0
        if self._pairs:
            return float(cosine_rows(*np.array(self._pairs).T))
        return float(np.mean(self._cosines))

    @property
    def agreement(self) -> float | None:
        """Share of rows with the same label or labels, or mean share of tokens; None: no labels come out."""
        return sum(self._agreed) / len(self._agreed) if self._agreed else None

    def scores(self) -> tuple[float, float] | None:
        """The candidate's score and the reference's, 0–1; None without truths."""
        import numpy as np

        if not self._statistics:
            return None
        rows = np.array(self._statistics)
        expected = float(combined(self.task, rows[:, 1]))
        return (float(combined(self.task, rows[:, 0])) if self.finite else 0.0), expected
