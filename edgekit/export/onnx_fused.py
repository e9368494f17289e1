"""A portable ONNX file rewritten for ONNX Runtime's CPU provider: the same numbers, sooner."""

from __future__ import annotations

from pathlib import Path

from edgekit.errors import ExportError
from edgekit.export.exportable import artifact
from edgekit.files import atomic, require_space
from edgekit.types import Artifact


def fuse_onnx(source: Artifact, path: Path) -> Artifact:
    """Writes `source` with the rules of `edgekit.export.onnx_rules` applied, atomically.

    Matrix products stay MatMul and Gemm nodes with named matrices, and token tables stay Gathers, so that
    quantization works on this file as on the portable one. Signature, labels and provenance are kept.

    Args:
        source: a plain fp32 file of target "onnx".

    Raises:
        ExportError: `source` is of another target or precision.
        DiskFull: nothing was overwritten.
    """
    import onnx_ir as ir

    from edgekit.export.onnx_rules import apply_rules

    if (source.target, source.precision) != ("onnx", "fp32"):
        raise ExportError(
            f"{source.path.name} is {source.target} in {source.precision}; only a portable fp32 ONNX file "
            "can be rewritten for ONNX Runtime.",
            remedy="Rewrite the plain export, and quantize the result.",
        )
    require_space(path.parent, source.size_bytes + 1_000_000, purpose=f"Writing {path.name}")
    model = ir.load(source.path)
    apply_rules(model)
    with atomic(path) as temporary:
        ir.save(model, temporary)
    return artifact(
        path,
        name=f"{source.name.removesuffix('-onnx-fp32')}-onnxruntime-fp32",
        target="onnxruntime",
        precision="fp32",
        signature=source.signature,
        parameters=source.parameters,
    )
