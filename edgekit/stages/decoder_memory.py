"""What a decoder's export will need of memory, from its configuration alone, before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgekit import progress
from edgekit.errors import ExportError
from edgekit.export.decoder_memory import MemoryPhase
from edgekit.files import human

_GROUP = Path("/sys/fs/cgroup")  # Linux's control groups, version 2


def memory_of(
    model: Path, target: str, precision: str, *, context: int | None = None
) -> tuple[MemoryPhase, ...]:
    """The phases of an export, with what each holds at its peak.

    Args:
        model: a folder with config.json (weights need not be there), or a `.gguf` file.
        context: tokens that the caches hold; None: as `load_decoder` chooses.

    Raises:
        ExportError: a family or a setting that can't be expressed.
        ModelError: no readable configuration.
    """
    import torch

    from edgekit.export.decoder_memory import estimate
    from edgekit.models.decoders.load import CONTEXT, read_hub_config
    from edgekit.models.decoders.module import Decoder

    made, config = read_hub_config(model)
    with torch.device("meta"):  # no memory
        decoder = Decoder(made, 2)
    if made.tied:
        decoder.lm_head.weight = decoder.embed_tokens.weight
    sizes = [p.numel() for p in decoder.parameters()]
    tokens = context or min(CONTEXT, made.positions)
    return estimate(
        target,
        precision,
        parameters=sum(sizes),
        largest=max(sizes),
        stored=config.dtype.itemsize if isinstance(config.dtype, torch.dtype) else 4,
        caches=2 * made.layers * made.key_heads * made.width * tokens,
    )


def require_memory(
    name: str, target: str, precision: str, phases: Sequence[MemoryPhase], *, available: int, force: bool
) -> None:
    """Tells what an export will need, and refuses what can't fit.

    Args:
        available: bytes.
        force: tells and does not refuse.

    Raises:
        ExportError: a phase needs more than is available.
    """
    most = max(phases, key=lambda phase: phase.bytes)
    told = ", ".join(f"{phase.name} {human(phase.bytes)}" for phase in phases)
    progress.say(f"{name} to {target} {precision}: memory {told}; {human(available)} available")
    if most.bytes > available and not force:
        raise ExportError(
            f"Exporting {name} to {target} {precision} needs about {human(most.bytes)} of memory "
            f"while {most.name}, "
            f"and {human(available)} is available.",
            remedy="Close other programs, use a machine with more memory or a smaller model, "
            "or try nevertheless with --force.",
        )


def available_bytes() -> int:
    """Memory that can be had without swapping, a container's limit included."""
    import psutil

    free = int(psutil.virtual_memory().available)
    try:
        limit, used = (int((_GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        told = dict(line.split() for line in (_GROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such limit, or "max"
        return free
    files = int(told["active_file"]) + int(told["inactive_file"])  # which are dropped when memory is needed
    return min(free, limit - used + files)
