"""What a decoder can be exported as: each target's precisions, how it is written, where the result lies."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError
from edgekit.export.targets import TARGETS, get_target
from edgekit.recipe.schema.decoding import DECODER_PRECISIONS, KV_CACHES

# The options that a target has a use for.
_USED = {
    "onnxruntime": ("context", "block_size", "table_bits", "kv_cache"),
    "coreml": ("context", "block_size", "group_size", "split_phases"),
    "coreai": ("context", "block_size"),
}


@dataclass(frozen=True, slots=True)
class DecoderOptions:
    """How a decoder is written. What a target has no use for is not looked at."""

    context: int | None = None  # tokens that the caches hold; None: 2,048, or the model's own fewer
    block_size: int = 32  # inputs that share a scale in int4, and in ONNX in int8
    group_size: int = 32  # channels that share a table in a grouped palette, Core ML
    table_bits: int = 8  # of the token table in ONNX; 4 or 8
    kv_cache: str = "fp32"  # of ONNX: "fp32", "fp16" or "int8"; Core ML's states are fp16
    split_phases: bool = False  # Core ML: a function for many new tokens and one for a single one

    def used_by(self, target: str) -> dict[str, Any]:
        """The options of one target, by name."""
        told = asdict(self)
        return {name: told[name] for name in _USED[target]}


def check_decoder_target(target: str, precision: str, options: DecoderOptions | None = None) -> None:
    """Refuses what a decoder can't be exported as.

    Raises:
        ExportError: a target, a precision or an option that decoders don't have.
        MissingExtra: a package that the target needs is missing.
    """
    if target not in DECODER_PRECISIONS:
        get_target(target)
        raise ExportError(
            f"A decoder can't be exported to {target}: attention with a cache, and weights of 4 bits, are "
            "operators of a runtime's own.",
            remedy=f"Use --target {' or '.join(DECODER_PRECISIONS)}.",
        )
    get_target(target)
    if precision not in DECODER_PRECISIONS[target]:
        raise ExportError(
            f"There is no precision {precision!r} for decoders in {target}.",
            remedy=f"Choose one of: {', '.join(DECODER_PRECISIONS[target])}.",
        )
    if options is not None and target == "onnxruntime":
        check_block_size(options.block_size)
        check_kv_cache(options.kv_cache)


def check_block_size(size: int) -> None:
    """Raises:
    ExportError: ONNX Runtime has no products by blocks of this size.
    """
    if size < 16 or size & (size - 1):
        raise ExportError(
            f"ONNX Runtime multiplies by blocks of 16, 32, 64 …, not of {size}.",
            remedy="Use a block size of 32, 64 or 128.",
        )


def check_kv_cache(kind: str) -> None:
    """Raises:
    ExportError: caches that no kernel reads, or that cost too much of what a model says.
    """
    if kind not in KV_CACHES:
        raise ExportError(
            f"Caches in {kind!r} are not for ONNX Runtime on a CPU: it has no kernel for them, or they lose "
            "too much (4 bits: a KL of .2 nats on SmolLM2-135M).",
            remedy=f"Use one of: {', '.join(KV_CACHES)}.",
        )


def decoder_path(out: Path, target: str, precision: str) -> Path:
    """`onnxruntime-int4/`, `coreml/model_int4.mlpackage` …: the plain one carries no suffix."""
    plain = precision == DECODER_PRECISIONS[target][0]
    if target != "onnxruntime":
        return out / target / f"model{'' if plain else '_' + precision}{TARGETS[target].suffix}"
    return out / f"onnxruntime{'' if plain else '-' + precision}"
