"""Core AI (iOS and macOS 27) by coreai-torch, on Linux or a Mac: any of edgekit's tasks in an `.aimodel`."""

from __future__ import annotations

from pathlib import Path

from edgekit.export.coreai_convert import compress, convert, decompositions, save_asset
from edgekit.export.coreml_heads import coreml_signature
from edgekit.export.exportable import Exportable, artifact
from edgekit.export.traced import trace
from edgekit.files import require_space
from edgekit.metadata import describe
from edgekit.types import Artifact


def export_coreai(
    model: Exportable, path: Path, *, precision: str = "fp32", block_size: int = 32
) -> Artifact:
    """Writes `model` as an asset with the interface of a Core ML package (see `coreml_signature`).

    Token ids of 1 to the model's maximum length go in, or pixels; a batch is one row. Arithmetic is fp32.

    Args:
        precision: "fp32", "int8" or "int4", of the weights.
        block_size: inputs that share a scale in int4.

    Raises:
        ExportError: an operation can't be traced or converted, or a weight can't be compressed.
        DiskFull: nothing was overwritten.
    """
    require_space(path.parent, model.parameters * 4, purpose=f"Writing {path.name}")
    signature = coreml_signature(model.signature)
    program = convert(
        trace(model, target="Core AI", decompositions=decompositions()),
        name=model.name,
        inputs=[spec.name for spec in signature.inputs],
        outputs=[spec.name for spec in signature.outputs],
    )
    if precision != "fp32":
        program = compress(program, precision, name=model.name, block_size=block_size)
    told = describe(signature, model.provenance, precision=precision, parameters=model.parameters)
    save_asset(program, path, description=f"{model.name}: {signature.task}", told=told)
    return artifact(
        path,
        name=f"{model.name}-coreai-{precision}",
        target="coreai",
        precision=precision,
        signature=signature,
        parameters=model.parameters,
    )
