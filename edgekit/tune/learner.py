"""The module that is tuned, and its loss on completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from edgekit.distill.distiller import Distiller
from edgekit.distill.knowledge import Batch
from edgekit.scores import IGNORED


def summed_loss(model: Any, inputs: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """Cross entropy of the tokens with a label, summed; logits are computed in the columns that need them.

    Args:
        model: a causal language model of transformers, perhaps with adapters.
        inputs: `[B, L]` each.
        labels: `[B, L]` int64, `IGNORED` where a token has no loss; token i is predicted at i − 1.

    Returns:
        Scalar `[]` float32 in nats; carries the gradient.
    """
    targets = labels[:, 1:]
    columns = (targets != IGNORED).any(0).nonzero()[:, 0]
    logits = model(**inputs, use_cache=False, logits_to_keep=columns).logits
    wanted = targets[:, columns]
    assert logits.shape[:2] == wanted.shape, "the model ignores logits_to_keep"
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
    )


class Learner(Distiller):
    """A decoder that learns completions; of its state, what is trained is all that checkpoints hold.

    The loss of a batch is its summed loss over as many tokens as its rows have on average in the whole set:
    every token counts the same, however a step is divided into batches.

    Args:
        model: a causal language model; its parameters that require a gradient are trained.
        tokens_per_row: learned tokens of a row, mean over the training set.
    """

    def __init__(self, model: Any, *, tokens_per_row: float) -> None:
        super().__init__()
        self.model, self.tokens_per_row = model, tokens_per_row
        self.supports_gradient_checkpointing = bool(getattr(model, "supports_gradient_checkpointing", False))

    @property
    def student(self) -> Any:
        """This module itself: its state is what training restores at the end."""
        return self

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """See `Distiller.forward`."""
        assert batch.labels is not None
        scale = len(batch.indices) * self.tokens_per_row
        return {"completion": summed_loss(self.model, batch.inputs, batch.labels) / scale}

    def state_dict(self, *_: Any, **__: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """The trained parameters alone."""
        return {name: p.detach() for name, p in self.named_parameters() if p.requires_grad}

    def load_state_dict(self, state_dict: Mapping[str, Tensor], *_: Any, **__: Any) -> None:
        """Puts back what `state_dict` gave."""
        own = self.state_dict()
        if own.keys() != state_dict.keys():
            raise ValueError("the parameters that are trained are others")
        for name, value in own.items():
            value.copy_(state_dict[name])

    def gradient_checkpointing_enable(self, settings: dict[str, Any]) -> None:
        """As transformers has it."""
        self.model.gradient_checkpointing_enable(settings)

    def gradient_checkpointing_disable(self) -> None:
        """As transformers has it."""
        self.model.gradient_checkpointing_disable()
