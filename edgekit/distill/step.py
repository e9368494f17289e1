"""One optimizer step over a group of batches: cut into slices and pieces, summed up, checked, applied."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.distill import processes
from edgekit.distill.checkpoint import save_tensors
from edgekit.distill.optimizers import Optimizers
from edgekit.errors import TrainingError
from edgekit.files import atomic

if TYPE_CHECKING:
    from edgekit.distill.knowledge import Batch

Group = Sequence[Sequence[int]]  # row indices of the batches of one step


@dataclass(frozen=True, slots=True)
class Stepped:
    """What one step did. `terms` are means over all rows of the group."""

    terms: Mapping[str, float]
    applied: bool
    suspect: Batch | None = None  # when the loss or a gradient was not finite: a batch that did it

    @property
    def loss(self) -> float:
        """What was minimised."""
        return sum(self.terms.values())


class Stepper:
    """Makes optimizer steps. Dropout depends on (seed, step, process) alone, so no random state is kept.

    Args:
        module: the distiller, perhaps replicated.
        scaler: of the loss (`torch.amp.GradScaler`), enabled in fp16 only.
        pieces: parts that each batch is cut into; grows when memory runs out.
    """

    def __init__(
        self,
        module: Any,
        *,
        collate: Callable[[Sequence[int], int], Batch],
        optimizers: Optimizers,
        scaler: Any,
        autocast: Callable[[], Any],
        max_norm: float,
        seed: int,
        pieces: int,
    ) -> None:
        self.module, self.collate, self.optimizers = module, collate, optimizers
        self.scaler, self.autocast, self.max_norm, self.seed = scaler, autocast, max_norm, seed
        self.pieces = pieces
        self._ahead: tuple[Any, Batch] | None = None

    def __call__(self, group: Group, *, epoch: int, step: int, after: Group = ()) -> Stepped:
        """One step; the result is the same however the group is cut, up to the order of sums.

        Args:
            group: batches of this step, of all processes.
            after: the next group of this epoch; its first batch is made while the device computes.

        Raises:
            TrainingError: memory does not even suffice for one row.
        """
        while True:
            _seed(self.seed, step)
            try:
                totals, seen = self._accumulate(group, epoch)
                break
            except RuntimeError as error:
                self._refuse(error, group)
            self._cut_smaller()  # outside, where the error holds no tensors any more
        if after:
            first = next(self._cut(after))
            self._ahead = (tuple(first), epoch), self.collate(first, epoch)
        return self._apply(totals, seen)

    def _cut(self, group: Group) -> Any:
        """This process's slice of each batch, in pieces. Strided: each gets long and short rows."""
        for batch in group:
            mine = batch[processes.rank() :: processes.count()] or batch[:1]
            for start in range(min(self.pieces, len(mine))):
                yield mine[start :: self.pieces]

    def _accumulate(self, group: Group, epoch: int) -> tuple[dict[str, Any], list[tuple[Batch, Any]]]:
        """Gradients of the group's mean loss. Returns each term's share of it, and every piece's loss."""
        count, rank = processes.count(), processes.rank()
        rows = sum(len(batch) for batch in group)
        # A batch with fewer rows than processes gives some of them nothing: they join with weight 0.
        shares = [bool(batch[rank::count]) for batch in group for _ in self._cut([batch])]
        pieces = list(self._cut(group))
        totals: dict[str, Any] = {}
        seen = []
        for number, (piece, counts) in enumerate(zip(pieces, shares, strict=True)):
            batch = self._batch(piece, epoch)
            share = counts * len(piece) / rows
            alone = number < len(pieces) - 1 and count > 1
            with self.module.no_sync() if alone else contextlib.nullcontext():
                with self.autocast():
                    terms = self.module(batch)
                loss = sum(terms.values())
                # Replicas average their gradients; a slice's share is of the sum.
                self.scaler.scale(loss * (share * count)).backward()
            for name, value in terms.items():
                totals[name] = totals.get(name, 0.0) + value.detach().float() * share
            seen.append((batch, loss.detach()))
        return totals, seen

    def _batch(self, piece: Sequence[int], epoch: int) -> Batch:
        ahead, self._ahead = self._ahead, None
        return ahead[1] if ahead and ahead[0] == (tuple(piece), epoch) else self.collate(piece, epoch)

    def _apply(self, totals: dict[str, Any], seen: list[tuple[Batch, Any]]) -> Stepped:
        import torch

        optimizers, scaler = self.optimizers, self.scaler
        if scaler.is_enabled():
            for optimizer in optimizers.all:
                scaler.unscale_(optimizer)
        gradients = optimizers.gradients()
        norm = torch.nn.utils.get_total_norm(gradients)
        told = processes.summed(torch.stack(list(totals.values())))
        *values, length = torch.cat([told, norm.reshape(1)]).tolist()  # the one wait for the device
        terms = dict(zip(totals, values, strict=True))
        good = math.isfinite(sum(values))
        applied = good and math.isfinite(length)
        if applied:
            if length > self.max_norm:
                torch._foreach_mul_(gradients, self.max_norm / (length + 1e-6))
            optimizers.step()
        if scaler.is_enabled():
            scaler.update()
        optimizers.zero_grad()
        # A gradient beyond fp16's range is the scaler's business: it halves the scale and goes on.
        blamed = not applied and not (good and scaler.is_enabled())
        return Stepped(terms, applied, _suspect(seen) if blamed else None)

    def _refuse(self, error: RuntimeError, group: Group) -> None:
        """Raises anything but a lack of memory that smaller pieces can cure."""
        from accelerate.utils.memory import should_reduce_batch_size

        if not should_reduce_batch_size(error):
            raise error
        rows = max(len(batch) for batch in group)
        # Replicas exchange gradients while they compute: one of them can't begin anew on its own.
        if processes.count() > 1 or self.pieces >= rows:
            raise TrainingError(
                f"Memory ran out in a batch of {math.ceil(rows / processes.count() / self.pieces)} rows.",
                remedy="Lower batch_size and raise gradient_accumulation by the same factor (the result is "
                "the same), or set gradient_checkpointing: true.",
            ) from error

    def _cut_smaller(self) -> None:
        from accelerate.utils.memory import clear_device_cache

        self.optimizers.zero_grad()
        self._ahead = None
        clear_device_cache(garbage_collection=True)
        self.pieces *= 2


def _seed(seed: int, step: int) -> None:
    import numpy as np
    import torch

    mixed = np.random.SeedSequence([seed, step, processes.rank()]).generate_state(1, np.uint64)
    torch.manual_seed(int(mixed[0]) >> 1)


def _suspect(seen: list[tuple[Batch, Any]]) -> Batch:
    bad = [batch for batch, loss in seen if not math.isfinite(float(loss))]
    return bad[0] if bad else seen[-1][0]


def save_batch(batch: Batch, path: Path) -> None:
    """Writes a batch for inspection: `indices` `[B]`, `labelled`, `labels` and every input."""
    import torch

    tensors = {f"inputs.{name}": value for name, value in batch.inputs.items()}
    tensors |= {"indices": torch.tensor(batch.indices), "labelled": batch.labelled}
    if batch.labels is not None:
        tensors["labels"] = batch.labels
    with atomic(path) as temporary:
        save_tensors(temporary, tensors)
