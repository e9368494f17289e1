"""A decoder in training: next tokens, what its teacher says of them, and texts that it writes itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from edgekit.distill.distiller import Distiller
from edgekit.distill.language import losses
from edgekit.distill.language.chunks import summed
from edgekit.distill.language.decoder import head_logits, last_hidden
from edgekit.distill.language.writing import written
from edgekit.scores import IGNORED

if TYPE_CHECKING:
    from edgekit.distill.knowledge import Batch
    from edgekit.distill.language.teacher import CachedTokens, LiveTokens
    from edgekit.recipe.schema import Distill


class Language(Distiller):
    """Trains a decoder on blocks of documents.

    Every term is a sum over tokens divided by the tokens of an average block times the blocks of the batch.
    So each token of an epoch weighs the same, and a batch gives the same gradient in however many pieces.

    Args:
        student: a transformers `…ForCausalLM`.
        config: weights, temperature, smoothing, and whether the student writes.
        teacher: answers for tokens; None: nobody teaches. Not registered, so neither trained nor saved.
        tokens_per_row: of an average block, those that follow another.
    """

    def __init__(
        self,
        student: Any,
        config: Distill,
        *,
        teacher: LiveTokens | CachedTokens | None,
        tokens_per_row: float,
    ) -> None:
        super().__init__()
        self.student, self.teacher, self.per_row = student, teacher, tokens_per_row
        self.labels, self.smoothing = config.weights.labels, config.label_smoothing
        self.taught = losses.divergences(config) if teacher is not None else {}
        self.on_policy = config.on_policy if self.taught else None

    def forward(self, batch: Batch) -> Mapping[str, Tensor]:
        names = [*(["labels"] if self.labels else []), *self.taught]
        # The step's own seed: a resumed run decides alike.
        if self.on_policy is not None and float(torch.rand(())) < self.on_policy.share:
            assert self.teacher is not None
            mine = written(self.student, batch, self.on_policy)
            sums = self._sums(mine, self.teacher.live, labels=0.0)
            tokens = (mine.labels != IGNORED).sum().clamp(min=1)  # type: ignore[union-attr]
            # A term that is missing in a step would be averaged over the others alone.
            silent = [sums.new_zeros(1)] if self.labels else []
            return dict(zip(names, torch.cat([*silent, sums / tokens]).unbind(), strict=True))
        sums = self._sums(batch, self.teacher, labels=self.labels)
        return dict(zip(names, (sums / (self.per_row * len(batch.indices))).unbind(), strict=True))

    def _sums(self, batch: Batch, teacher: Any, *, labels: float) -> Tensor:
        assert batch.labels is not None
        counted = batch.labels != IGNORED
        hidden = last_hidden(self.student, batch.inputs)[counted]
        answers = teacher.tensors(batch, counted) if teacher is not None else ()

        def loss(part: Tensor, targets: Tensor, *said: Tensor) -> Tensor:
            logits = head_logits(self.student, part)
            compared = teacher.compared(logits, *said) if said else None
            return losses.weighted_sums(
                logits, targets, compared, labels=labels, smoothing=self.smoothing, taught=self.taught
            )

        if not len(hidden):  # a block of single tokens: nothing follows anything
            return hidden.sum() * torch.zeros(bool(labels) + len(self.taught), device=hidden.device)
        return summed(loss, (hidden, batch.labels[counted], *answers))
