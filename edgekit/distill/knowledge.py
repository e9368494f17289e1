"""What a loss may look at: a batch, what it needs to see of a model, and what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of the training set, padded, on the device of training."""

    indices: tuple[int, ...]  # places in the training set, for caches and memory banks
    inputs: Mapping[str, Tensor]  # `[B, L]` int64 each, as the student's signature names them
    labels: Tensor | None  # `[B]` int64 | `[B, C]` or `[B]` float32 | `[B, L]` int64, −100 where none
    labelled: Tensor  # `[B]` bool; False: a transfer text, whose label counts for nothing

    @property
    def mask(self) -> Tensor:
        """`[B, L]`, 1 for real tokens; an image is a sequence of one."""
        mask = mask_of(self.inputs)
        if mask.dim() == 2:
            return mask
        # Packed rows: `[B, 1, L, L]`, 0 where one token sees another; padding doesn't even see itself.
        return (mask[:, 0].diagonal(dim1=-2, dim2=-1) == 0).long()


def mask_of(inputs: Mapping[str, Tensor]) -> Tensor:
    """The attention mask among a model's inputs; where there is none (images), one real token a row."""
    if "attention_mask" in inputs:
        return inputs["attention_mask"]
    some = next(iter(inputs.values()))
    return some.new_ones(some.shape[0], 1).long()


@dataclass(frozen=True, slots=True)
class Needs:
    """What a loss wants to see of one model beyond its logits. Layers are 1-based; hidden 0: embeddings."""

    hidden: frozenset[int] = frozenset()
    attentions: frozenset[int] = frozenset()
    relations: frozenset[int] = frozenset()  # queries, keys and values

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            self.hidden | other.hidden,
            self.attentions | other.attentions,
            self.relations | other.relations,
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What one model showed for one batch; float32."""

    logits: Tensor  # the task's output: `[B, C]`, or `[B, L, C]` per token
    hidden: Mapping[int, Tensor] = field(default_factory=dict)  # layer → `[B, L, D]`
    attentions: Mapping[int, Tensor] = field(default_factory=dict)  # layer → `[B, H, L, L]`, rows sum to 1
    # layer → queries, keys, values, each `[B, L, D]` before they are cut into heads
    relations: Mapping[int, tuple[Tensor, Tensor, Tensor]] = field(default_factory=dict)
