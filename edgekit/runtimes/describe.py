"""Reads an artifact's own description of itself, without running it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgekit.errors import ModelError, first_line
from edgekit.files import sha256_path, size_bytes
from edgekit.metadata import PARAMETERS_KEY, PRECISION_KEY, read_signature
from edgekit.runtimes.coreai_function import coreai_metadata
from edgekit.runtimes.coreml_program import coreml_metadata
from edgekit.types import Artifact

MICROSOFT = "com.microsoft"  # the domain of ONNX Runtime's own operators


def describe_artifact(path: Path) -> Artifact:
    """The `Artifact` that an `.onnx` file, an `.mlpackage` or an `.aimodel` was written as.

    Raises:
        ModelError: no such file, not readable, or not written by edgekit.
    """
    if not path.exists():
        raise ModelError(f"{path} does not exist.", remedy="Check the path, or export the model first.")
    if path.suffix == ".mlpackage":
        target, metadata = "coreml", coreml_metadata(path)
    elif path.suffix == ".aimodel":
        target, metadata = "coreai", coreai_metadata(path)
    elif path.suffix == ".onnx":
        target, metadata = _onnx(path)
    else:
        raise ModelError(
            f"{path} is no exported model.", remedy="Give an .onnx file, an .mlpackage or an .aimodel."
        )
    return Artifact(
        name=path.name,
        path=path,
        target=target,
        precision=metadata.get(PRECISION_KEY, "unknown"),
        signature=read_signature(metadata, path=path),
        size_bytes=size_bytes(path),
        sha256=sha256_path(path),
        parameters=int(metadata.get(PARAMETERS_KEY) or 0),
    )


def _onnx(path: Path) -> tuple[str, Mapping[str, str]]:
    """The target that a file was written for, and its metadata."""
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:
        raise ModelError(
            f"{path} is not a readable onnx model: {first_line(error)}",
            remedy="Export it again; the file may be cut short.",
        ) from error
    own = any(entry.domain == MICROSOFT for entry in model.opset_import)
    return "onnxruntime" if own else "onnx", {entry.key: entry.value for entry in model.metadata_props}
