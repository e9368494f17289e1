"""What a recipe for images can't have, said before anything is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.recipe.schema.recipe import Recipe

IMAGE_FORMATS = ("images", "pixels")
# Losses on answers and on the features, which are an image's one hidden state.
IMAGE_LOSSES = (
    *("labels", "soft_targets", "reverse_kl", "symmetric_kl", "jensen_shannon", "logit_mse", "decoupled"),
    *("correlation", "hidden_cosine", "embedding_cosine", "embedding_mse", "relation_distance"),
    *("relation_angle", "similarity", "probability_transfer", "correlation_congruence", "contrastive"),
)
PRECISIONS = {"onnx": ("fp32", "fp16", "int8-static"), "coreml": ("fp16", "fp32", "int8")}


def refuse_for_images(recipe: Recipe) -> None:
    """Names the first setting that has no meaning for an image classifier.

    Raises:
        ValueError: says what to do instead.
    """
    distill, student, data = recipe.distill, recipe.student, recipe.data
    if data.format not in IMAGE_FORMATS:
        raise ValueError(f"data.format: an image task reads {' or '.join(IMAGE_FORMATS)}, not {data.format}")
    others = [n for n, w in distill.weights.model_dump().items() if w and n not in IMAGE_LOSSES]
    if others:
        raise ValueError(
            f"distill.weights: {', '.join(others)} looks inside a transformer; an image classifier is taught "
            f"by {', '.join(IMAGE_LOSSES)}"
        )
    for export in recipe.exports:
        known = PRECISIONS.get(export.target, ())
        wrong = [p for p in export.precisions if p not in known]
        if wrong:
            told = f"use {', '.join(known)}" if known else "use target onnx, which ONNX Runtime runs as well"
            raise ValueError(f"exports: {export.target} has no {', '.join(wrong)} for images; {told}")
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
        raise ValueError(f"{', '.join(given)}: not for task: image-classification; leave it out")
