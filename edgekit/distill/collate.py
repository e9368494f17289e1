"""Rows by their indices → one padded `Batch` on the device of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.batches import chosen_rows, pad_rows
from edgekit.distill.knowledge import Batch
from edgekit.scores import IGNORED
from edgekit.tasks import Task

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.types import Rows, Signature

Choosing = Callable[[Sequence[int], int], "Rows"]
Masking = Callable[[Sequence[int], int], tuple["Rows", Sequence[Sequence[int]]]]


class Collator:
    """Makes batches of a training set; a function of the indices and the epoch alone.

    Args:
        rows: tokenised, unpadded.
        labels: one per row as `task.truth` says, None for a transfer text; "tags" are one int per *token*,
            −100 where a token has none. Empty when no row has a label.
        signature: of the model that will read the batch; names the inputs and the classes.
        pad_id: token id of padding.
        masking: for masked-LM, (indices, epoch) → rows with masks and one label per token; `labels` is
            then unused.
        choosing: (indices, epoch) → rows to learn from in place of those in `rows`: the same, changed.
    """

    def __init__(
        self,
        rows: Rows,
        labels: Sequence[Any],
        task: Task,
        *,
        signature: Signature,
        pad_id: int,
        device: Any,
        masking: Masking | None = None,
        choosing: Choosing | None = None,
    ) -> None:
        import torch

        self.rows, self.signature, self.pad_id, self.masking = rows, signature, pad_id, masking
        self.choosing, self.device = choosing, torch.device(device)
        self.truth = "tags" if masking else task.truth
        labels = labels or [None] * len(rows)
        self._labelled = torch.tensor([label is not None for label in labels], dtype=torch.bool)
        self._tags = labels if self.truth == "tags" else ()
        self._labels = _whole_row_labels(labels, self.truth, classes=len(signature.labels))

    def __call__(self, indices: Sequence[int], epoch: int = 0) -> Batch:
        """The rows at `indices`, padded to the longest of them."""
        import torch

        labels: Tensor | None
        if self.masking is not None:
            rows, tags = self.masking(indices, epoch)
            labels = _padded(tags, rows)
            labelled = torch.ones(len(indices), dtype=torch.bool)
        else:
            rows = self.choosing(indices, epoch) if self.choosing else chosen_rows(self.rows, indices)
            chosen = torch.tensor(indices)
            labelled = self._labelled[chosen]
            if self.truth == "tags":
                labels = _padded([self._tags[i] for i in indices], rows)
            else:
                labels = None if self._labels is None else self._labels[chosen]
        return Batch(
            indices=tuple(indices),
            inputs=self._inputs(rows),
            labels=None if labels is None else self._moved(labels),
            labelled=self._moved(labelled),
        )

    def inputs(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """The inputs alone, `[B, L]` int64 each."""
        return self._inputs(chosen_rows(self.rows, indices))

    def _inputs(self, rows: Rows) -> dict[str, Tensor]:
        import torch

        arrays = pad_rows(rows, self.signature, pad_id=self.pad_id)
        return {name: self._moved(torch.from_numpy(array)) for name, array in arrays.items()}

    def _moved(self, tensor: Tensor) -> Tensor:
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)


def _whole_row_labels(labels: Sequence[Any], truth: str, *, classes: int) -> Tensor | None:
    import torch

    if truth == "class":
        return torch.tensor([0 if label is None else label for label in labels], dtype=torch.int64)
    if truth == "number":
        return torch.tensor([0.0 if label is None else label for label in labels], dtype=torch.float32)
    if truth == "classes":
        table = torch.zeros(len(labels), classes)
        for row, label in enumerate(labels):
            table[row, list(label or ())] = 1.0
        return table
    return None


def _padded(tags: Sequence[Sequence[int] | None], rows: Rows) -> Tensor:
    import torch

    table = torch.full((len(rows), max(len(row["input_ids"]) for row in rows)), IGNORED, dtype=torch.int64)
    for place, label in enumerate(tags):
        if label is not None:
            table[place, : len(label)] = torch.as_tensor(label, dtype=torch.int64)
    return table
