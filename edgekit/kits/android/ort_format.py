"""ONNX Runtime's own format: a graph that is optimized already, read without a parser and without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgekit.errors import ExportError, MissingExtra
from edgekit.kits.answers import Answer
from edgekit.types import Artifact

TOLERANCE = 1e-3  # of an output's numbers: optimizing reorders sums


def convert_to_ort(artifact: Artifact, answers: Sequence[Answer], path: Path) -> float:
    """Writes an ONNX artifact as `.ort` and runs it on inputs whose outputs are known.

    Optimizations that suit one processor's vector length are left out: the file is for another machine.

    Returns:
        The largest difference from the known outputs.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
        ExportError: an output is further away than `TOLERANCE`.
    """
    import numpy as np

    try:
        import onnxruntime as ort
    except ImportError as error:
        raise MissingExtra("onnxruntime", extra="onnx", needed_for="Writing an .ort file") from error
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(artifact.path, options, providers=["CPUExecutionProvider"])

    plain = ort.SessionOptions()
    plain.intra_op_num_threads = 1
    session = ort.InferenceSession(path, plain, providers=["CPUExecutionProvider"])
    dtypes = {spec.name: spec.dtype for spec in artifact.signature.inputs}
    name = artifact.signature.outputs[0].name
    worst = 0.0
    for answer in answers:
        feed = {key: np.array([row], dtype=dtypes[key]) for key, row in answer.tokens.items()}
        (given,) = session.run([name], feed)
        worst = max(worst, float(np.abs(given.ravel() - np.array(answer.output, np.float32)).max()))
    if not worst <= TOLERANCE:
        raise ExportError(
            f"{artifact.name} in ONNX Runtime's format is {worst:.2g} away from the verified outputs.",
            remedy="Make the kit without the .ort option; the .onnx file is what was verified.",
        )
    return worst
