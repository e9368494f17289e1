"""What a recipe for images or sounds can't have, said before anything is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.tasks import Task

if TYPE_CHECKING:
    from edgekit.recipe.schema.recipe import Recipe

SHORTEST = 0.1  # seconds of sound


@dataclass(frozen=True, slots=True)
class Arrays:
    """What a task has that reads arrays instead of texts."""

    many: str
    formats: tuple[str, ...]  # of its data


ARRAYS = {  # what a task reads → what it has
    "image": Arrays("images", ("images", "pixels")),
    "audio": Arrays("sounds", ("audio",)),
}
# Losses on answers and on the features, which are a row's one hidden state.
LOSSES = (
    *("labels", "soft_targets", "reverse_kl", "symmetric_kl", "jensen_shannon", "logit_mse", "decoupled"),
    *("correlation", "hidden_cosine", "embedding_cosine", "embedding_mse", "relation_distance"),
    *("relation_angle", "similarity", "probability_transfer", "correlation_congruence", "contrastive"),
)
PRECISIONS = {"onnx": ("fp32", "fp16", "int8-static"), "coreml": ("fp16", "fp32", "int8")}


def refuse_for_arrays(recipe: Recipe, task: Task) -> None:
    """Names the first setting that has no meaning for a network of convolutions.

    Raises:
        ValueError: says what to do instead.
    """
    distill, student, data = recipe.distill, recipe.student, recipe.data
    known = ARRAYS[task.reads]
    if data.format not in known.formats:
        raise ValueError(f"data.format: {task.name} reads {' or '.join(known.formats)}, not {data.format}")
    shortest = round(SHORTEST * data.sampling_rate)
    if task.reads == "audio" and data.max_length < shortest:
        raise ValueError(
            f"data.max_length: {data.max_length} samples at {data.sampling_rate} Hz are too short a sound; "
            f"give at least {shortest}"
        )
    if task.reads == "audio" and data.time_shift >= data.max_length:
        raise ValueError(f"data.time_shift: give fewer samples than data.max_length, {data.max_length}")
    others = [n for n, w in distill.weights.model_dump().items() if w and n not in LOSSES]
    if others:
        raise ValueError(
            f"distill.weights: {', '.join(others)} looks inside a transformer; {task.name} is taught by "
            f"{', '.join(LOSSES)}"
        )
    for export in recipe.exports:
        precisions = PRECISIONS.get(export.target, ())
        wrong = [p for p in export.precisions if p not in precisions]
        if wrong:
            told = (
                f"use {', '.join(precisions)}" if precisions else "use target onnx, which ONNX Runtime runs"
            )
            raise ValueError(f"exports: {export.target} has no {', '.join(wrong)} for {known.many}; {told}")
    refused = {
        "pretrain": recipe.pretrain,
        "data.augment": data.augment,
        "data.unlabelled": data.unlabelled,
        "data.text_pair": data.text_pair,
        "distill.packing": distill.packing,
        "distill.adversarial": distill.adversarial,
        "distill.hard_samples": distill.hard_samples,
        "distill.mode": distill.mode if distill.mode in ("early_exits", "mutual") else None,
        "student.architecture": student.architecture if student.architecture != "teacher" else None,
        "student.heads": student.heads,
        "student.intermediate_size": student.intermediate_size,
        "student.embedding_rank": student.embedding_rank,
        "student.vocabulary": student.vocabulary,
        "student.quantization_aware": student.quantization_aware,
        "student.select": student.select if student.select == "importance" else None,
    }
    given = [name for name, value in refused.items() if value]
    if given:
        raise ValueError(f"{', '.join(given)}: not for task: {task.name}; leave it out")


def task_reading(data_format: str) -> str:
    """The task whose data have this format; "" for texts."""
    return next(
        (f"{reads}-classification" for reads, one in ARRAYS.items() if data_format in one.formats), ""
    )
