"""What a recipe for a decoder (`task: text-generation`) can't have, said before anything is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.recipe.schema.recipe import Recipe

# Losses on the next token, and those between two distributions of it.
DECODER_LOSSES = ("labels", "soft_targets", "reverse_kl", "symmetric_kl", "jensen_shannon")


def refuse_for_decoders(recipe: Recipe) -> None:
    """Names the first setting that has no meaning for a decoder.

    Raises:
        ValueError: says what to do instead.
    """
    distill, student = recipe.distill, recipe.student
    others = [n for n, w in distill.weights.model_dump().items() if w and n not in DECODER_LOSSES]
    if others:
        raise ValueError(
            f"distill.weights: a decoder is taught next tokens by {', '.join(DECODER_LOSSES)}, "
            f"not by {', '.join(others)}; set that to 0"
        )
    if distill.cache_top_k is not None and distill.temperature != 1.0:
        raise ValueError(
            "distill.cache_top_k keeps the rest of a distribution as one mass, which no temperature but 1 "
            "can be applied to; set distill.temperature: 1, or leave cache_top_k out"
        )
    if distill.on_policy is not None and not any(getattr(distill.weights, n) for n in DECODER_LOSSES[1:]):
        raise ValueError(
            "distill.on_policy: nobody corrects what the student writes; give a divergence a weight"
        )
    refused = {
        "more_teachers": recipe.more_teachers,
        "pretrain": recipe.pretrain,
        "teacher.finetune": recipe.teacher.finetune,
        "kits": recipe.kits,
        "data.augment": recipe.data.augment,
        "data.text_pair": recipe.data.text_pair,
        "distill.adversarial": distill.adversarial,
        "distill.hard_samples": distill.hard_samples,
        "distill.mode": distill.mode if distill.mode != "offline" else None,
        "student.architecture": student.architecture if student.architecture != "teacher" else None,
        "student.heads": student.heads,
        "student.intermediate_size": student.intermediate_size,
        "student.hidden_size": student.hidden_size,
        "student.embedding_rank": student.embedding_rank,
        "student.vocabulary": student.vocabulary,
        "student.quantization_aware": student.quantization_aware,
    }
    told = [name for name, value in refused.items() if value]
    if told:
        raise ValueError(f"{', '.join(told)}: not for task: text-generation; leave it out")
