"""How well decoders predict held-out texts, and how far they are from their teacher there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from edgekit.distill.language.chunks import summed
from edgekit.distill.language.decoder import head_logits, last_hidden
from edgekit.distill.language.losses import next_token_loss
from edgekit.scores import IGNORED

if TYPE_CHECKING:
    from edgekit.distill.knowledge import Batch
    from edgekit.distill.language.shared import Shared
    from edgekit.distill.loop import Judge

Collate = Callable[[Sequence[int]], "Batch"]
FIGURES = ("nll", "tokens", "own", "kl", "same", "compared")
Groups = Sequence[Sequence[int]]  # indices of the blocks that share a batch


def make_token_judge(collate: Collate, groups: Groups) -> Judge:
    """What scores a decoder on held-out blocks: the geometric mean probability of a token, 1 / perplexity."""

    def judge(module: Any, autocast: Callable[[], AbstractContextManager[Any]], device: Any) -> float:
        total, tokens = 0.0, 0
        module.eval()
        with torch.inference_mode(), autocast():
            for _, batch, counted in _batches(collate, groups):
                hidden = last_hidden(module, batch.inputs)[counted]

                def loss(part: Tensor, targets: Tensor) -> Tensor:
                    return next_token_loss(head_logits(module, part), targets)

                assert batch.labels is not None
                total += float(summed(loss, (hidden, batch.labels[counted])))
                tokens += int(counted.sum())
        return math.exp(-total / max(tokens, 1))

    return judge


@torch.inference_mode()
def token_figures(
    modules: Mapping[str, Any],
    collate: Collate,
    groups: Groups,
    *,
    teacher: str,
    shared: Shared | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, dict[str, list[float]]]:
    """Sums over the tokens of each held-out block, for each model.

    Args:
        modules: by name, on the batches' device; whole vocabularies are compared, in fp32.
        teacher: the one of them that the others are compared with.
        shared: the tokens of students that have fewer, which the blocks then are made of; the teacher is
            asked for the next token given that it is one of these, and left out of the figures.
        advance: told how many blocks are done.

    Returns:
        Model → `nll` (nats of the text), `tokens` (of the teacher's tokenizer) and `own` (of the model's);
        `kl` (KL(teacher ‖ model), nats), `same` (tokens whose likeliest token is the teacher's) and
        `compared` (tokens that these two are sums over: all but those which only the student has there); one
        number a block each.
    """
    count = 1 + max(index for indices in groups for index in indices)
    judged = [name for name in modules if shared is None or name != teacher]
    found = {name: {what: [0.0] * count for what in FIGURES} for name in judged}
    for module in modules.values():
        module.eval()
    for indices, batch, counted in _batches(collate, groups):
        assert batch.labels is not None
        rows = torch.arange(len(indices), device=counted.device)[:, None].expand_as(counted)[counted]
        theirs = batch.inputs if shared is None else shared.read(batch.inputs)
        taught = last_hidden(modules[teacher], theirs)[counted]
        marks = (torch.ones_like(rows),) * 2
        if shared is not None:
            marks = shared.theirs(indices, counted), shared.alike(indices, counted)
        for name in judged:
            state = taught if name == teacher else last_hidden(modules[name], batch.inputs)[counted]
            figures = _figures(modules[name], modules[teacher], shared, blocks=len(indices))
            table = summed(figures, (rows, batch.labels[counted], state, taught, *marks))
            for place, index in enumerate(indices):
                for what, value in zip(found[name], table[place].tolist(), strict=True):
                    found[name][what][index] = value
        advance(len(indices))
    return found


def _figures(module: Any, teacher: Any, shared: Shared | None, *, blocks: int) -> Callable[..., Tensor]:
    """Makes what sums up some tokens, as `[blocks, 6]`."""

    def figures(
        row: Tensor, targets: Tensor, state: Tensor, theirs: Tensor, units: Tensor, alike: Tensor
    ) -> Tensor:
        own = F.log_softmax(head_logits(module, state), dim=-1)
        said = head_logits(teacher, theirs)
        taught = F.log_softmax(said if shared is None else shared.among(said), dim=-1)
        each = (
            -own.gather(-1, targets[:, None])[:, 0],
            units,
            torch.ones_like(units),
            F.kl_div(own, taught, reduction="none", log_target=True).sum(-1) * alike,
            (own.argmax(-1) == taught.argmax(-1)) * alike,
            alike,
        )
        table = torch.zeros(blocks, len(each), dtype=torch.float64, device=row.device)
        return table.index_add_(0, row, torch.stack([one.double() for one in each], dim=-1))

    return figures


def _batches(collate: Collate, groups: Groups) -> Iterator[tuple[Sequence[int], Batch, Tensor]]:
    for indices in groups:
        batch = collate(indices)
        assert batch.labels is not None
        yield indices, batch, batch.labels != IGNORED
