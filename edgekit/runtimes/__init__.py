"""Opens any model that edgekit wrote, and runs it."""

from __future__ import annotations

from pathlib import Path

from edgekit.errors import ModelError
from edgekit.runtimes.runner import Runner


def open_runner(path: Path, *, threads: int = 1, compute_units: str | None = None) -> Runner:
    """Opens an exported file, package or model folder.

    Args:
        path: `.onnx`, `.mlpackage` (natively on a Mac, elsewhere by reference semantics), `.aimodel`, or a
            folder that edgekit saved.
        threads: CPU threads for one call.
        compute_units: Core ML only, on a Mac: "CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE" or "ALL".

    Raises:
        ModelError: not a model that edgekit wrote, or damaged.
        ExportError: the artifact can't be executed on this machine.
    """
    if path.suffix == ".onnx":
        from edgekit.runtimes.onnx_runtime import OnnxRunner

        return OnnxRunner(path, threads=threads)
    if path.suffix == ".mlpackage":
        from edgekit.runtimes.coreml_native import CoreMLRunner, available

        if available() or compute_units:
            return CoreMLRunner(path, compute_units=compute_units or "ALL")
        from edgekit.runtimes.coreml_reference import CoreMLReferenceRunner

        return CoreMLReferenceRunner(path, threads=threads)
    if path.suffix == ".aimodel":
        from edgekit.runtimes.coreai import CoreAIRunner

        return CoreAIRunner(path)
    if path.is_dir():
        from edgekit.runtimes.pytorch import open_folder

        return open_folder(path, threads=threads)
    raise ModelError(
        f"{path} is not a model that edgekit can run.",
        remedy="Give a model folder, an .onnx file, an .mlpackage or an .aimodel.",
    )
