"""The validation score while training: the task's own metric, with the arithmetic of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from edgekit.batches import by_length, chosen_rows, pad_rows
from edgekit.scores import combined, decide, statistics
from edgekit.types import Model, Rows


class Judge(Protocol):
    """Scores a module on rows that it was made for."""

    def __call__(
        self, module: Any, autocast: Callable[[], AbstractContextManager[Any]], device: Any
    ) -> float:
        """The metric, 0–1; leaves the module in evaluation mode."""


def make_judge(task: str, rows: Rows, truth: Sequence[Any], *, model: Model, batch_size: int = 64) -> Judge:
    """What scores a module of this task on validation rows.

    Args:
        task: its name.
        rows: validation rows; for masked-lm, with the masks in place.
        truth: one per row, as `edgekit.scores` takes it; of a sentence embedding, the teacher's.
        model: its signature and front end; the modules judged take the same rows.
        batch_size: rows at once, of similar length.
    """
    labels = model.signature.labels

    def judge(module: Any, autocast: Callable[[], AbstractContextManager[Any]], device: Any) -> float:
        import torch

        module.eval()
        decided: list[Any] = [None] * len(rows)
        with torch.inference_mode(), autocast():
            for indices in by_length(rows, batch_size):
                batch = pad_rows(
                    chosen_rows(rows, indices), model.signature, pad_id=model.processor.pad_token_id
                )
                inputs = {name: torch.from_numpy(values).to(device) for name, values in batch.items()}
                # Decided where it was computed: a masked-lm's logits are 30,000 numbers a token.
                answers = decide(task, module(**inputs).logits)
                answers = (answers.float() if answers.is_floating_point() else answers).cpu().numpy()
                for index, answer in zip(indices, answers, strict=True):
                    decided[index] = answer
        return float(combined(task, statistics(task, decided, truth, labels=labels)))

    return judge
