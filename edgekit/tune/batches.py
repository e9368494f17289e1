"""Examples → padded or packed batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit.data.batching import length_buckets
from edgekit.data.packing import first_fit_decreasing
from edgekit.distill.knowledge import Batch
from edgekit.errors import ModelError
from edgekit.scores import IGNORED
from edgekit.tune.examples import Example

Row = tuple[Example, ...]  # the texts of one row of a batch; one text unless packed


def make_rows(examples: Sequence[Example], *, packing: bool, max_length: int) -> list[Row]:
    """One row for each example, or as few as hold them all."""
    if not packing:
        return [(example,) for example in examples]
    groups = first_fit_decreasing([len(example) for example in examples], max_length)
    return [tuple(examples[i] for i in group) for group in groups]


def learned_tokens(row: Row) -> int:
    """Tokens of a row that have a loss: of each text, all that are to be learned but its first token."""
    return sum(sum(example.learned[1:]) for example in row)


class Collator:
    """Makes batches of rows.

    Packed rows have no mask but positions, which begin anew with each text: transformers then keeps texts
    apart (`check_packing` proves it for a model).

    Args:
        pad_id: any token; padding has no loss, and nothing attends to it.
        device: where batches go.
    """

    def __init__(self, rows: Sequence[Row], *, packing: bool, pad_id: int, device: Any) -> None:
        self.rows, self.packing, self.pad_id, self.device = rows, packing, pad_id, device

    def __call__(self, indices: Sequence[int], epoch: int = 0) -> Batch:
        """Inputs and labels `[B, L]` int64; `IGNORED` where a token has no loss."""
        import torch

        rows = [self.rows[i] for i in indices]
        shape = len(rows), max(sum(map(len, row)) for row in rows)
        ids = torch.full(shape, self.pad_id)
        labels = torch.full(shape, IGNORED)
        positions, mask = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.int64)
        for place, row in enumerate(rows):
            start = 0
            for example in row:
                end = start + len(example)
                own = torch.tensor(example.ids)
                ids[place, start:end] = own
                # The first token of a text would be predicted from the text before it.
                learned = torch.tensor([False, *example.learned[1:]])
                labels[place, start:end] = own.where(learned, torch.tensor(IGNORED))
                positions[place, start:end] = torch.arange(len(example))
                mask[place, start:end] = 1
                start = end
        told = {"position_ids": positions} if self.packing else {"attention_mask": mask}
        inputs = {name: value.to(self.device) for name, value in {"input_ids": ids, **told}.items()}
        return Batch(tuple(indices), inputs, labels.to(self.device), torch.ones(len(rows), dtype=torch.bool))

    def batches(self, batch_size: int, *, seed: int, epoch: int) -> list[list[int]]:
        """Row indices by batch, rows of similar length together."""
        lengths = [sum(map(len, row)) for row in self.rows]
        return length_buckets(lengths, batch_size, seed=seed, epoch=epoch)


def check_packing(model: Any) -> None:
    """Refuses a model to which texts in one row aren't as good as alone.

    Raises:
        ModelError: a family that ignores where a text begins.
    """
    from edgekit.distill.language.decoder import APART, packed_difference

    apart = packed_difference(model)
    if not apart < APART:
        raise ModelError(
            f"{model.config.model_type!r} does not keep packed texts apart: the second of two differs by "
            f"{apart:.0%} from itself alone.",
            remedy="Leave --packing out; rows of similar length are then batched together.",
        )
