"""What the teacher says about each row: asked once and kept, or asked again for each batch.

A frozen teacher's answer to a row never changes, so one pass serves all epochs. The pass has an order of
its own, fixed by row lengths: a resumed run gets the same numbers, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from edgekit import progress
from edgekit.batches import by_length, chosen_rows

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.types import Rows

CACHE_LIMIT_BYTES = 2_000_000_000
_BATCH = 64  # rows per forward pass


@dataclass(frozen=True, slots=True)
class Answer:
    """The teacher's outputs for one batch."""

    logits: Tensor  # `[B, C]` float32
    hidden: Tensor | None  # last hidden state `[B, L, D]` float32; None when no loss needs it


class Teacher(Protocol):
    """Answers for rows by their index; `inputs` is the same batch, padded."""

    def __call__(self, indices: Sequence[int], inputs: dict[str, Tensor]) -> Answer: ...


def ask(
    module: Any,
    rows: Rows,
    *,
    collate: Callable[[Rows], dict[str, Tensor]],
    autocast: Callable[[], Any],
    hidden: bool,
    title: str,
) -> Teacher:
    """A teacher that remembers if its answers fit in memory, and one that is asked each time if not.

    Args:
        module: transformers classifier in evaluation mode, on the device of training.
        collate: rows → padded inputs on that device.
        hidden: whether the last hidden states are needed.
    """
    live = _Live(module, autocast, hidden)
    width = module.config.hidden_size if hidden else 0
    tokens = sum(len(row["input_ids"]) for row in rows)
    if tokens * width * 2 + len(rows) * module.config.num_labels * 4 > CACHE_LIMIT_BYTES:
        return live
    return _remembered(live, rows, collate=collate, title=title)


class _Live:
    def __init__(self, module: Any, autocast: Callable[[], Any], hidden: bool) -> None:
        self.module, self.autocast, self.hidden = module, autocast, hidden

    def __call__(self, indices: Sequence[int], inputs: dict[str, Tensor]) -> Answer:
        import torch

        with torch.no_grad(), self.autocast():
            out = self.module(**inputs, output_hidden_states=self.hidden)
        hidden = out.hidden_states[-1].float() if self.hidden else None
        return Answer(out.logits.float(), hidden)


def _remembered(
    live: _Live, rows: Rows, *, collate: Callable[[Rows], dict[str, Tensor]], title: str
) -> Teacher:
    import torch

    logits: list[Any] = [None] * len(rows)
    states: list[Any] = [None] * len(rows)
    with progress.bar(title, len(rows), "rows") as bar:
        for indices in by_length(rows, _BATCH):
            answer = live(indices, collate(chosen_rows(rows, indices)))
            for place, index in enumerate(indices):
                logits[index] = answer.logits[place].cpu()
                if answer.hidden is not None:
                    # bf16 halves the memory; the cosine it serves is averaged over thousands of tokens.
                    length = len(rows[index]["input_ids"])
                    states[index] = answer.hidden[place, :length].to("cpu", torch.bfloat16)
            bar.advance(len(indices))

    def answer_for(indices: Sequence[int], inputs: dict[str, Tensor]) -> Answer:
        device = inputs["input_ids"].device
        hidden = None
        if live.hidden:
            width = inputs["input_ids"].shape[1]
            hidden = torch.zeros(len(indices), width, states[0].shape[-1])
            for place, index in enumerate(indices):
                hidden[place, : len(states[index])] = states[index]
            hidden = hidden.to(device, non_blocking=True)
        return Answer(torch.stack([logits[i] for i in indices]).to(device), hidden)

    return answer_for
