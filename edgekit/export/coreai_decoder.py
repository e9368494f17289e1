"""A decoder as a Core AI asset that keeps its caches as states (iOS and macOS 27)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError, first_line
from edgekit.export.coreai_convert import compress, convert, decompositions, save_asset
from edgekit.export.exportable import artifact
from edgekit.files import require_space
from edgekit.metadata import describe
from edgekit.quiet import quiet
from edgekit.types import Artifact, Signature


def export_coreai_decoder(
    decoder: Any,
    path: Path,
    *,
    name: str,
    precision: str = "fp32",
    block_size: int = 32,
    provenance: Mapping[str, Any] | None = None,
) -> Artifact:
    """Writes a decoder with its caches; one function reads many new tokens or one.

    Args:
        decoder: as `edgekit.export.coreml_decoder.export_decoder` takes it. Its caches are empty afterwards.
        precision: of the weights: "fp32"; "int8", a scale per output channel; "int4", a scale per block, the
            token table in int8. Arithmetic and states are fp32.
        block_size: inputs that share a scale in int4.
        provenance: hashes of what it was made from.

    Raises:
        ExportError: an operation can't be traced or converted, or a weight can't be compressed.
        DiskFull: nothing was overwritten.
    """
    parameters = sum(p.numel() for p in decoder.parameters())
    require_space(path.parent, parameters * 4, purpose=f"Writing {path.name}")
    signature = _in_fp32(decoder.signature)
    program = convert(
        _trace(decoder, name),
        name=name,
        inputs=[spec.name for spec in signature.inputs],
        outputs=[spec.name for spec in signature.outputs],
        states=decoder.states,
    )
    if precision != "fp32":
        program = compress(program, precision, name=name, block_size=block_size)
    told = describe(signature, provenance or {}, precision=precision, parameters=parameters)
    save_asset(program, path, description=f"{name}: {signature.task}", told=told)
    return artifact(
        path,
        name=f"{name}-coreai-{precision}",
        target="coreai",
        precision=precision,
        signature=signature,
        parameters=parameters,
    )


def _in_fp32(signature: Signature) -> Signature:
    def wide(specs: Any) -> Any:
        return tuple(replace(s, dtype="float32") if s.dtype == "float16" else s for s in specs)

    return replace(signature, inputs=wide(signature.inputs), outputs=wide(signature.outputs))


def _trace(decoder: Any, name: str) -> Any:
    import torch

    new, past = 3, 2
    example = torch.zeros(1, new, dtype=torch.int32), torch.zeros(1, 1, new, past + new)
    some = torch.export.Dim.DYNAMIC
    # torch.export counts buffers that are None, and then looks for those behind them where nothing is.
    for absent in [key for key, value in decoder._buffers.items() if value is None]:
        decoder._buffers[absent] = decoder._buffers.pop(absent)
    try:
        with quiet(), torch.no_grad():
            program = torch.export.export(decoder, example, dynamic_shapes=({1: some}, {2: some, 3: some}))
            return program.run_decompositions(dict(decompositions()))
    except Exception as error:
        raise ExportError(
            f"{name} can't be traced for Core AI: {first_line(error)}",
            remedy="Build the decoder with edgekit.models.decoders.",
        ) from error
    finally:
        decoder.forget()
