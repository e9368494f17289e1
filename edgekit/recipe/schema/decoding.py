"""What a recipe for a decoder (`task: text-generation`) may say of its exports, and what it can't have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field

from edgekit.recipe.schema.base import Config

if TYPE_CHECKING:
    from edgekit.recipe.schema.outputs import Export
    from edgekit.recipe.schema.recipe import Recipe

KvCache = Literal["fp32", "fp16", "int8"]
KV_CACHES: tuple[str, ...] = get_args(KvCache)
DECODER_PRECISIONS: dict[str, tuple[str, ...]] = {  # target → precisions, its plain one first
    "onnxruntime": ("fp32", "int8", "int4", "int4-hqq"),
    "coreml": ("fp16", "int8", "int4", "palette4", "palette4-grouped"),
    "coreai": ("fp32", "int8", "int4"),
}

# Losses on the next token, and those between two distributions of it.
DECODER_LOSSES = ("labels", "soft_targets", "reverse_kl", "symmetric_kl", "jensen_shannon")


class DecoderExport(Config):
    """How a language model is written, beside the precision of its weights."""

    context: Annotated[int, Field(ge=2)] | None = Field(
        None, description="Tokens that the caches hold; null: 2,048, or the model's own fewer."
    )
    table_bits: Literal[4, 8] = Field(8, description="Of the token table, onnxruntime only.")
    kv_cache: KvCache = Field(
        "fp32", description="What keys and values are stored in, onnxruntime only; Core ML's are fp16."
    )
    split_phases: bool = Field(
        False, description="A function for prompts and one for single tokens, coreml only."
    )


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
    if wrong := [text for export in recipe.exports for text in _not_written(export)]:
        raise ValueError(f"exports: {wrong[0]}")


def _not_written(export: Export) -> Iterator[str]:
    """What decoders don't have of an export."""
    target, own = export.target, export.decoder
    if target not in DECODER_PRECISIONS:
        yield f"a decoder can't be exported to {target}; use {' or '.join(DECODER_PRECISIONS)}"
        return
    for precision in export.precisions:
        if precision not in DECODER_PRECISIONS[target]:
            known = ", ".join(DECODER_PRECISIONS[target])
            yield f"{target} has no {precision} for decoders; use one of {known}"
    if target != "onnxruntime" and (own.kv_cache, own.table_bits) != ("fp32", 8):
        yield f"decoder.kv_cache and decoder.table_bits are for onnxruntime; leave them out for {target}"
    if target != "coreml" and own.split_phases:
        yield f"decoder.split_phases is for coreml; one graph serves both phases of {target}"
