"""What a decoder can be exported as: the precisions of each target, and where the result lies."""

from __future__ import annotations

from pathlib import Path

from edgekit.errors import ExportError
from edgekit.export.targets import get_target

DECODER_PRECISIONS: dict[str, tuple[str, ...]] = {  # target → precisions, its plain one first
    "onnxruntime": ("fp32", "int8", "int4", "int4-hqq"),
    "coreml": ("fp16", "int8", "int4"),
}


def check_decoder_target(target: str, precision: str) -> None:
    """Refuses what a decoder can't be exported as.

    Raises:
        ExportError: a target or a precision that decoders don't have.
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


def decoder_path(out: Path, target: str, precision: str) -> Path:
    """`onnxruntime-int4/`, `coreml/model_int4.mlpackage` …: the plain one carries no suffix."""
    plain = precision == DECODER_PRECISIONS[target][0]
    if target == "coreml":
        return out / "coreml" / f"model{'' if plain else '_' + precision}.mlpackage"
    return out / f"onnxruntime{'' if plain else '-' + precision}"
