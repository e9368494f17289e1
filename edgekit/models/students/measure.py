"""What flows into a model's linear layers, measured on a few training rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgekit.batches import by_length, chosen_rows, pad_rows
from edgekit.errors import ModelError
from edgekit.types import Model, Rows

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 256
BLOCKS = 16  # of a decoder, each as long as the recipe says
BATCH = 32


@dataclass(frozen=True, slots=True)
class Flow:
    """Mean and variance of every input feature of one Linear, over real tokens; `[in_features]` float64."""

    mean: Tensor
    variance: Tensor

    @property
    def power(self) -> Tensor:
        """Mean square."""
        return self.variance + self.mean.square()


def require_rows(model: Model, rows: Rows) -> None:
    """Refuses to measure on nothing.

    Raises:
        ModelError: there are no rows.
    """
    if not rows:
        raise ModelError(
            f"{model.name} can't be measured: there are no rows.",
            remedy="Give tokenised training rows, or a student shape that needs no importance.",
        )


def padded_batches(model: Model, rows: Rows, limit: int = ROWS) -> Iterator[dict[str, Tensor]]:
    """The first `limit` rows as batches of similar length, `[≤ 32, L]` int64, on the module's device.

    Raises:
        ModelError: there are no rows.
    """
    import torch

    require_rows(model, rows)
    device = next(model.module.parameters()).device
    rows = list(rows[:limit])
    for indices in by_length(rows, BATCH):
        batch = pad_rows(
            chosen_rows(rows, indices), model.signature, pad_id=model.processor.pad_token_id or 0
        )
        yield {name: torch.from_numpy(array).to(device) for name, array in batch.items()}


def flows(model: Model, rows: Rows) -> Mapping[str, Flow]:
    """Input statistics of every `torch.nn.Linear` that runs, by module name; padding is left out."""
    batches = ((batch, batch["attention_mask"].bool()) for batch in padded_batches(model, rows))
    return flows_through(model.module, batches)


def flows_through(
    module: Any, batches: Iterable[tuple[Mapping[str, Tensor], Tensor | None]]
) -> Mapping[str, Flow]:
    """Input statistics of every `torch.nn.Linear` that runs, by module name.

    Args:
        batches: the module's inputs, and which of their tokens are real, `[B, L]` bool; None: all.
    """
    import torch

    sums: dict[str, list[Any]] = {}
    mask: Tensor | None = None

    def watch(name: str) -> Any:
        def hook(_: Any, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].detach()
            # A head that reads the first token only has no length axis, and no padding either.
            x = x[mask] if mask is not None and x.shape[:-1] == mask.shape else x.flatten(0, -2)
            x = x.double()
            seen = sums.setdefault(name, [0, 0.0, 0.0])
            seen[0] += x.shape[0]
            seen[1] = seen[1] + x.sum(0)
            seen[2] = seen[2] + x.square().sum(0)

        return hook

    handles = [
        child.register_forward_pre_hook(watch(name))
        for name, child in module.named_modules()
        if isinstance(child, torch.nn.Linear)
    ]
    try:
        with torch.no_grad():
            for inputs, mask in batches:  # noqa: B007 - the hooks read it
                module(**inputs)
    finally:
        for handle in handles:
            handle.remove()
    made = {}
    for name, (count, total, squares) in sums.items():
        mean = total / count
        made[name] = Flow(mean.cpu(), (squares / count - mean.square()).clamp_min(0).cpu())
    return made


def strongest(scores: Tensor, count: int) -> Tensor:
    """Indices of the `count` largest scores, ascending."""
    return scores.topk(count).indices.sort().values
