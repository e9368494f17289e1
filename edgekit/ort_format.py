"""ONNX Runtime's own format: a graph that is optimized already, read without a parser and without a copy.

Where the size of the runtime counts, one is built for the operators of a few models alone; what that build
takes is `required_operators`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import ExportError, MissingExtra
from edgekit.quiet import quiet

if TYPE_CHECKING:
    import numpy as np

TOLERANCE = 1e-3  # of an output's numbers: optimizing reorders sums
Feed = Mapping[str, "np.ndarray"]


@dataclass(frozen=True, slots=True)
class OrtFile:
    """An `.ort` file that was run against the ONNX file that it was made from."""

    path: Path
    operators: Path  # `required_operators`, as a file
    size_bytes: int  # of the `.ort` file
    # ONNX Runtime writes hash tables by memory addresses: of the same model, other bytes every time.
    sha256: str
    difference: float  # the largest, of an output's numbers


def write_ort(
    source: Path, path: Path, *, output: str, known: Iterable[tuple[Feed, np.ndarray]], name: str
) -> float:
    """Writes an ONNX file as `.ort` and runs it on inputs whose outputs are known.

    Optimizations that suit one processor's vector length are left out: the file is for another machine.

    Args:
        output: name of the output that is compared.
        known: inputs, and that output for them.
        name: of the model, for the error.

    Returns:
        The largest difference from the known outputs.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
        ExportError: an output is further away than `TOLERANCE`, or is none.
    """
    import numpy as np

    runtime = _runtime()
    options = _options(runtime)
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.save_model_format", "ORT")
    runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])

    session = open_file(path)
    worst = 0.0
    for feed, expected in known:
        (given,) = session.run([output], feed)
        worst = max(worst, float(np.abs(given.ravel() - np.asarray(expected, np.float32).ravel()).max()))
        if not worst <= TOLERANCE:
            raise ExportError(
                f"{name} in ONNX Runtime's format is {worst:.2g} away from the verified outputs.",
                remedy="Leave the ort option out; the .onnx file is what was verified.",
            )
    return worst


def open_file(path: Path) -> Any:
    """A session of an `.onnx` or `.ort` file on one CPU thread, as apps open it."""
    runtime = _runtime()
    return runtime.InferenceSession(path, _options(runtime), providers=["CPUExecutionProvider"])


def required_operators(path: Path) -> str:
    """What a build of ONNX Runtime for this `.ort` file alone needs, for its `--include_ops_by_config`: the
    same text for the same file, wherever it lies."""
    _runtime()
    with tempfile.TemporaryDirectory() as folder, quiet():
        from onnxruntime.tools.ort_format_model import create_config_from_models

        made = Path(folder) / "operators.config"
        create_config_from_models([path], made, enable_type_reduction=False)
        lines = made.read_text(encoding="utf-8").splitlines()
    # ONNX Runtime names the models by their paths on this machine.
    kept = sorted(line for line in lines if line and not line.startswith("#"))
    return "\n".join(["# domain;opset;operators", *kept]) + "\n"


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra("onnxruntime", extra="onnx", needed_for="Writing an .ort file") from error
    return onnxruntime


def _options(runtime: Any) -> Any:
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return options
