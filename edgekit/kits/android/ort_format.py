"""The kit's model in ONNX Runtime's own format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgekit.kits.answers import Answer
from edgekit.ort_format import write_ort
from edgekit.types import Artifact


def convert_to_ort(artifact: Artifact, answers: Sequence[Answer], path: Path) -> float:
    """Writes an ONNX artifact as `.ort` and runs it on inputs whose outputs are known.

    Returns:
        The largest difference from the known outputs.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
        ExportError: an output is further away than `edgekit.ort_format.TOLERANCE`.
    """
    import numpy as np

    dtypes = {spec.name: spec.dtype for spec in artifact.signature.inputs}
    return write_ort(
        artifact.path,
        path,
        output=artifact.signature.outputs[0].name,
        known=[
            (
                {key: np.array([row], dtype=dtypes[key]) for key, row in answer.tokens.items()},
                np.array(answer.output, np.float32),
            )
            for answer in answers
        ],
        name=artifact.name,
    )
