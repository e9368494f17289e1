"""Memory that a decoder's export holds, phase by phase: what is held at once, times what each takes.

Checked against the peak resident memory of SmolLM2-135M's exports (docs/decoders.md): it should lie a little
above.
"""

from __future__ import annotations

from dataclasses import dataclass

# Bytes before any weight.
LIBRARIES = {"onnxruntime": 450_000_000, "coreml": 600_000_000, "coreai": 750_000_000}
FP32 = 4  # bytes
CODES = {
    "fp32": 4.0,
    "int8": 1.25,
    "int4": 0.75,
    "int4-hqq": 0.75,
}  # bytes of a weight in ONNX, scales included
CONVERTING = 10  # bytes of a weight: traced in fp32, folded by MIL, cast to fp16, and as a file
COMPRESSING = 8  # bytes of a weight: the program in fp16, its codes, and copies of both
PALETTES = 15  # the same for look-up tables, whose places are a byte each until they are packed
ROUNDING = 6  # fp32 copies of a matrix while it is rounded to blocks


@dataclass(frozen=True, slots=True)
class MemoryPhase:
    """What a conversion holds in memory while it does one thing."""

    name: str
    bytes: int


def estimate(
    target: str, precision: str, *, parameters: int, largest: int, caches: int, stored: int = FP32
) -> tuple[MemoryPhase, ...]:
    """The phases of one export.

    Args:
        target: "onnxruntime", "coreml" or "coreai".
        precision: of the weights.
        parameters: of the model; a tied head counts once.
        largest: entries of its largest matrix.
        caches: numbers that its key-value caches hold.
        stored: bytes of a weight in the model's own file.
    """
    held = LIBRARIES[target] + FP32 * (parameters + caches)
    # The file is mapped while fp32 is made of it.
    phases = [MemoryPhase("loading", held + stored * parameters)]
    if target == "onnxruntime":
        rounding = 0 if precision == "fp32" else ROUNDING * FP32 * largest
        phases.append(MemoryPhase("writing", int(held + CODES[precision] * parameters + rounding)))
    else:
        phases.append(MemoryPhase("converting", held + CONVERTING * parameters))
        if precision not in ("fp16", "fp32"):
            each = PALETTES if precision.startswith("palette") else COMPRESSING
            phases.append(MemoryPhase("compressing", held + each * parameters))
    return tuple(phases)
