"""What all modes do: look at a model once, and weigh what its terms say of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from edgekit.distill.knowledge import Batch, Needs, Seen
from edgekit.distill.see import see
from edgekit.distill.terms import make_terms, total_needs, weighted
from edgekit.recipe.schema import LossWeights

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.distill.see import ModelShape
    from edgekit.recipe.schema import Distill
    from edgekit.tasks import Task

SILENT = {name: 0.0 for name in LossWeights.model_fields}
LABELS_ONLY = LossWeights(**{**SILENT, "labels": 1.0})


def learn(
    module: nn.Module, terms: Any, batch: Batch, taught: Seen | None, *, more: Needs | None = None
) -> tuple[Seen, dict[str, Tensor]]:
    """One forward pass of a model in training, and its weighted loss terms by name.

    Args:
        terms: `nn.ModuleList`, see `distill.terms`.
        taught: its teacher's answers to the same rows; None when no term compares with a teacher.
        more: what the caller wants to see beyond what the terms need.
    """
    seen = see(module, batch.inputs, total_needs(terms)[0] | (more or Needs()))
    return seen, weighted(terms, seen, taught, batch)


def detached(seen: Seen) -> Seen:
    """The same answers, through which no gradient flows."""
    return Seen(
        logits=seen.logits.detach(),
        hidden={k: v.detach() for k, v in seen.hidden.items()},
        attentions={k: v.detach() for k, v in seen.attentions.items()},
        relations={k: tuple(t.detach() for t in v) for k, v in seen.relations.items()},  # type: ignore[misc]
    )


def agreement(config: Distill, task: Task, shape: ModelShape) -> Any:
    """The term, of weight 1, by which a model agrees with another of its own shape on the task's output.

    Soft targets (with T²) for classes, squared error for numbers, cosine for embeddings.
    """
    name = {"number": "logit_mse"}.get(task.truth, "soft_targets")
    if task.name == "sentence-embedding":
        name = "embedding_cosine"
    weights = LossWeights(**{**SILENT, name: 1.0})
    return make_terms(weights, config, task=task, student=shape, teacher=shape)[0]
