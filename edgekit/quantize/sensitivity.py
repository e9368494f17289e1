"""How far one changed weight moves a model's outputs, over calibration rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.batches import by_length, chosen_rows, length_of, pad_rows
from edgekit.tasks import get_task
from edgekit.types import Rows, Signature

if TYPE_CHECKING:
    import numpy as np

BATCH = 16
MOST_VALUES = 50_000_000  # outputs kept for comparison; of a masked-lm a row alone has millions


class Sensitivity:
    """A module's outputs over rows, and how far they move when one weight is replaced.

    Args:
        module: takes the signature's inputs in order, `[B, L]`; returns `[B, C]`, or `[B, L, C]` for a task
            that answers per token. Its weights are the same after every call.
        rows: calibration rows; as many are used as have 50 million outputs together.
        pad_id: token id that fills `input_ids`.
    """

    def __init__(self, module: Any, signature: Signature, rows: Rows, *, pad_id: int) -> None:
        import torch

        self._module, self._task = module, signature.task
        self._weights = dict(module.named_parameters(remove_duplicate=False))
        self._batches: list[tuple[list[Any], Any]] = []  # inputs, and which tokens are real (None: no tokens)
        self._outputs: list[Any] = []
        kept = 0
        for indices in by_length(rows, BATCH):
            batch = pad_rows(chosen_rows(rows, indices), signature, pad_id=pad_id)
            inputs = [torch.from_numpy(batch[spec.name]) for spec in signature.inputs]
            widths = torch.tensor([length_of(rows[i]) for i in indices])
            real = torch.arange(inputs[0].shape[1]) < widths[:, None]
            self._batches.append((inputs, real if get_task(signature.task).per_token else None))
            self._outputs.append(self._run(*self._batches[-1]))
            kept += self._outputs[-1].numel()
            if kept > MOST_VALUES:
                break

    def loss(self, name: str, value: np.ndarray) -> float:
        """The distance of the outputs when the weight `name` is `value`, as `distance` defines it."""
        import torch

        weight = self._weights[name].data
        original = weight.clone()
        weight.copy_(torch.from_numpy(value))
        try:
            moved = [self._run(*batch) for batch in self._batches]
        finally:
            weight.copy_(original)
        return distance(self._task, torch.cat(self._outputs), torch.cat(moved))

    def _run(self, inputs: list[Any], real: Any) -> Any:
        import torch

        with torch.inference_mode():
            outputs = self._module(*inputs)
        return outputs if real is None else outputs[real]


def distance(task: str, reference: Any, moved: Any) -> float:
    """How far outputs moved, in the terms of their task; 0 when they did not.

    Args:
        task: its name.
        reference: tensor `[N, C]`, logits or what the task gives.
        moved: the same of the changed model.

    Returns:
        KL(reference ‖ moved) of the probabilities in nats, a mean over rows (and over labels where several
        can hold at once); for a number or an embedding, the mean squared error over the reference's variance.
    """
    import torch
    from torch.nn import functional

    found = get_task(task)
    reference, moved = reference.double(), moved.double()
    if found.truth == "classes":
        log = torch.nn.functional.logsigmoid
        yes = reference.sigmoid() * (log(reference) - log(moved))
        no = (-reference).sigmoid() * (log(-reference) - log(-moved))
        return float((yes + no).mean().clamp(min=0))
    if found.truth in ("class", "tags") or found.metric == "masked_accuracy":
        p, q = functional.log_softmax(reference, -1), functional.log_softmax(moved, -1)
        return float((p.exp() * (p - q)).sum(-1).mean().clamp(min=0))
    variance = reference.var(0, unbiased=False).mean().clamp(min=1e-12)
    return float((moved - reference).square().mean() / variance)
