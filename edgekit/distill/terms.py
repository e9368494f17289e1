"""The terms of a loss: what a recipe's weights ask for, each as a module that knows what it needs to see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from edgekit.distill import objectives
from edgekit.distill.knowledge import Batch, Needs, Seen
from edgekit.distill.term_kinds import (
    AttentionMaps,
    AttentionRelations,
    Contrastive,
    Decoupled,
    Divergence,
    Embedding,
    Hidden,
    Labels,
    Pairs,
    Plan,
    Response,
    Term,
)
from edgekit.errors import TrainingError

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.distill.see import ModelShape
    from edgekit.recipe.schema import Distill, LossWeights
    from edgekit.tasks import Task


def make_terms(
    weights: LossWeights,
    config: Distill,
    *,
    task: Task,
    student: ModelShape,
    teacher: ModelShape | None,
) -> Any:
    """The terms whose weight is above 0, in the order of the table below.

    Learned parts (projections, regressors, CRD's space) start from torch's current random state.

    Args:
        config: its temperature, label_smoothing, layer_map and objectives are read.
        teacher: None where nobody teaches; then only `labels` may have a weight.

    Returns:
        A `torch.nn.ModuleList` of `Term`.

    Raises:
        TrainingError: a term that this task, these models or this layer map can't have.
    """
    import torch

    asked = {name: getattr(weights, name) for name in BUILDERS if getattr(weights, name)}
    taught = [name for name in asked if name != "labels"]
    if teacher is None and taught:
        raise TrainingError(
            f"Nobody teaches here, but these losses need a teacher: {', '.join(taught)}.",
            remedy="Set their distill.weights to 0, or give a teacher.",
        )
    pairs = layer_pairs(config.layer_map, student=student, teacher=teacher) if teacher and taught else ()
    return torch.nn.ModuleList(
        BUILDERS[name](Plan(name, weight, config, task, student, teacher or student, pairs))
        for name, weight in asked.items()
    )


def total_needs(terms: Iterable[Any]) -> tuple[Needs, Needs]:
    """What all terms together want to see of the student, and of the teacher."""
    student, teacher = Needs(), Needs()
    for term in terms:
        student, teacher = student | term.student_needs, teacher | term.teacher_needs
    return student, teacher


def weighted(terms: Iterable[Any], student: Seen, teacher: Seen | None, batch: Batch) -> dict[str, Tensor]:
    """Each term's value times its weight, by name: what a distiller returns."""
    return {term.name: term.weight * term(student, teacher, batch) for term in terms}


def layer_pairs(layer_map: str | Pairs, *, student: ModelShape, teacher: ModelShape) -> Pairs:
    """Which teacher layer each student layer learns from, 1-based, shallow first.

    "uniform" gives student layer i of S the teacher layer round(i · T / S); "last" pairs the last layers.

    Raises:
        TrainingError: a listed layer doesn't exist.
    """
    own, others = student.layers, teacher.layers
    if layer_map == "uniform":
        return tuple((i, max(1, (2 * i * others + own) // (2 * own))) for i in range(1, own + 1))
    if layer_map == "last":
        common = min(own, others)
        return tuple((own - common + i, others - common + i) for i in range(1, common + 1))
    pairs = () if isinstance(layer_map, str) else tuple(sorted(layer_map))
    wrong = [list(p) for p in pairs if not (1 <= p[0] <= own and 1 <= p[1] <= others)]
    if wrong or not pairs:
        raise TrainingError(
            f"distill.layer_map {f'pairs {wrong}' if wrong else 'is empty'}: the student has {own} layers "
            f"and the teacher {others}.",
            remedy='List [student, teacher] layers that exist, 1-based, or use "uniform" or "last".',
        )
    return pairs


_NOT_ONE_CLASS = ("number", "classes")  # truths where no single class is the right one

# One row per weight of the recipe.
BUILDERS: dict[str, Callable[[Plan], Term]] = {
    "labels": Labels,
    "soft_targets": lambda p: Divergence(p, objectives.soft_target_kl),
    "reverse_kl": lambda p: Divergence(p, objectives.reverse_kl),
    "symmetric_kl": lambda p: Divergence(p, objectives.symmetric_kl),
    "jensen_shannon": lambda p: Divergence(
        p, objectives.jensen_shannon, beta=p.config.objectives.jensen_shannon_beta
    ),
    "logit_mse": lambda p: Response(p, objectives.logit_mse),
    "decoupled": lambda p: Decoupled(
        p,
        objectives.decoupled_kl,
        without=_NOT_ONE_CLASS,
        alpha=p.config.objectives.decoupled_alpha,
        beta=p.config.objectives.decoupled_beta,
    ),
    "correlation": lambda p: Divergence(
        p,
        objectives.correlation,
        without=_NOT_ONE_CLASS,
        between=p.config.objectives.correlation_between,
        within=p.config.objectives.correlation_within,
    ),
    "hidden_cosine": lambda p: Hidden(p, objectives.hidden_cosine, p.pairs[-1:], project="widths"),
    "hidden_mse": lambda p: Hidden(p, objectives.hidden_mse, p.pairs, project="widths"),
    "attention_maps": AttentionMaps,
    "attention_relations": AttentionRelations,
    "hints": lambda p: Hidden(p, objectives.hint, p.pairs[(len(p.pairs) - 1) // 2 :][:1], project="always"),
    "attention_transfer": lambda p: Hidden(p, objectives.attention_transfer, p.pairs),
    "embedding_cosine": lambda p: Embedding(p, objectives.embedding_cosine, project="widths"),
    "embedding_mse": lambda p: Embedding(p, objectives.embedding_mse, project="widths"),
    "relation_distance": lambda p: Embedding(p, objectives.rkd_distance),
    "relation_angle": lambda p: Embedding(p, objectives.rkd_angle),
    "similarity": lambda p: Embedding(p, objectives.similarity_preserving),
    "probability_transfer": lambda p: Embedding(p, objectives.probability_transfer),
    "correlation_congruence": lambda p: Embedding(p, objectives.correlation_congruence),
    "contrastive": Contrastive,
}
