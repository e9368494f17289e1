"""Training batches in which several texts share a row, for tasks judged token by token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.data.packing import first_fit_decreasing, joined, joined_labels, packed_inputs
from edgekit.scores import IGNORED
from edgekit.types import Model, Rows

if TYPE_CHECKING:
    from edgekit.distill.collate import Collator

# (indices, epoch) → rows, and labels per token or None for a row without
Labelled = Callable[[Sequence[int], int], tuple[Rows, Sequence[Any]]]


def groups_of(rows: Rows, max_length: int) -> list[list[int]]:
    """Which texts share a row: as many as fit into `max_length` tokens."""
    return first_fit_decreasing([len(row["input_ids"]) for row in rows], max_length)


def packed_collator(
    model: Model, groups: Sequence[Sequence[int]], labelled: Labelled, **how: Any
) -> Collator:
    """A collator whose indices are numbers of groups.

    Args:
        model: its configuration says how positions are counted.
        labelled: the texts of a group with their labels, masks in place.
        how: for `Collator`: task, pad_id and device.
    """
    from edgekit.distill.collate import Collator

    def pack(numbers: Sequence[int], epoch: int) -> tuple[Rows, Sequence[Sequence[int]]]:
        packs, labels = [], []
        for number in numbers:
            texts, truths = labelled(groups[number], epoch)
            packs.append(joined(texts))
            lengths = [len(text["input_ids"]) for text in texts]
            labels.append(joined_labels(truths, lengths) or [IGNORED] * sum(lengths))
        return packs, labels

    class Packed(Collator):
        def _inputs(self, rows: Rows) -> dict[str, Any]:
            made = packed_inputs(rows, self.signature, pad_id=self.pad_id, config=model.module.config)
            return {name: self._moved(tensor) for name, tensor in made.items()}

    return Packed((), (), signature=model.signature, masking=pack, **how)
