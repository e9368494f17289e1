"""A session of ONNX Runtime on the CPU, opened the same way for every runner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.errors import MissingExtra, ModelError, first_line


def open_session(path: Path, *, threads: int, spin: bool = False) -> tuple[Any, str]:
    """The session, and what runs it: "onnxruntime 1.31.1 (CPU, 1 thread)".

    Args:
        spin: threads wait for work actively, which takes cores from whatever else runs or is measured.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
        ModelError: no such file, or not a readable model.
    """
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise MissingExtra("onnxruntime", extra="onnx", needed_for=f"Running {path.name}") from error
    if not path.is_file():
        raise ModelError(f"{path} does not exist.", remedy="Check the path, or export the model first.")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    if threads > 1 and not spin:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(
            f"{path} is not a readable ONNX model: {first_line(error)}",
            remedy="Export it again; the file may be truncated.",
        ) from error
    return session, f"onnxruntime {ort.__version__} (CPU, {threads} thread{'s' if threads > 1 else ''})"
