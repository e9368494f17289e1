"""Texts with masks as training batches, one text a row or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgekit.recipe.schema import Training
from edgekit.stages.packed import groups_of, packed_collator
from edgekit.tasks import get_task
from edgekit.types import Model, Rows

if TYPE_CHECKING:
    from edgekit.distill.collate import Collator


@dataclass(frozen=True, slots=True)
class MaskedTexts:
    """What the loop asks for when a model learns to fill in masks: which rows, and how they become tensors.

    An index is that of a group of texts that share a row; without packing, of one text.
    """

    rows: Rows
    groups: Sequence[Sequence[int]]
    model: Model
    config: Training
    share: float  # of tokens that are masked
    seed: int

    @classmethod
    def of(cls, rows: Rows, model: Model, config: Training, *, share: float, seed: int) -> MaskedTexts:
        """Groups the rows as `config.packing` says.

        Args:
            rows: unpadded, in the model's tokens.
            model: its signature bounds the length of a row.
        """
        groups: list[list[int]] = [[i] for i in range(len(rows))]
        if config.packing:
            longest = max(len(row["input_ids"]) for row in rows)
            groups = groups_of(rows, model.signature.max_length or longest)
        return cls(rows, groups, model, config, share, seed)

    def batches(self, epoch: int) -> list[list[int]]:
        """Random batches of about `config.batch_size` texts whose rows have similar lengths."""
        from edgekit.data.batching import length_buckets

        lengths = [sum(len(self.rows[i]["input_ids"]) for i in group) for group in self.groups]
        size = max(1, round(self.config.batch_size * len(self.groups) / len(self.rows)))
        return length_buckets(lengths, size, seed=self.seed, epoch=epoch)

    def masked(self, texts: Sequence[int], epoch: int) -> tuple[Rows, list[list[int]]]:
        """Texts with the masks of an epoch, and one label per token: −100 where nothing is masked."""
        from edgekit.distill.masking import mask_rows

        processor = self.model.processor
        return mask_rows(self.rows, texts, seed=self.seed, epoch=epoch, share=self.share, processor=processor)

    def collator(self, device: Any) -> Collator:
        """Makes batches of groups, as the model reads them."""
        from edgekit.distill.collate import Collator

        model, task = self.model, get_task("masked-lm")
        pad_id = model.processor.pad_token_id
        if self.config.packing:
            return packed_collator(model, self.groups, self.masked, task=task, pad_id=pad_id, device=device)
        return Collator(
            self.rows,
            (),
            task,
            signature=model.signature,
            pad_id=pad_id,
            device=device,
            masking=self.masked,
        )
