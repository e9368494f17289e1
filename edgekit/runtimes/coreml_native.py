"""Core ML through coremltools, on macOS, where Apple's runtime can execute it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import ExportError, MissingExtra, ModelError
from edgekit.metadata import read_signature
from edgekit.quiet import hush, quiet

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch

COMPUTE_UNITS = ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL")


def available() -> bool:
    """Whether this machine can execute Core ML models."""
    return sys.platform == "darwin"


class CoreMLRunner:
    """Runs a classifier `.mlpackage` natively; its dictionary of probabilities comes back in label order."""

    def __init__(self, path: Path, *, compute_units: str = "ALL") -> None:
        if not available():
            raise ExportError(
                f"{path.name} can't be executed here: Apple's Core ML runtime exists on macOS only.",
                remedy="Run the same command on a Mac; here the package is checked by its structure.",
            )
        hush()
        try:
            with quiet():
                import coremltools as ct
        except ImportError as error:
            raise MissingExtra("coremltools", extra="coreml", needed_for=f"Running {path.name}") from error
        try:
            self._model = ct.models.MLModel(str(path), compute_units=ct.ComputeUnit[compute_units])
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"{path} can't be loaded: {error}", remedy="Export it again.") from error
        self.signature = read_signature(self._model.user_defined_metadata, path=path)
        self._dictionary = self._model.get_spec().description.predictedProbabilitiesName
        self.name = f"Core ML, macOS ({compute_units})"

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        """See `Runner.run`. Core ML takes one row at a time."""
        import numpy as np

        rows = len(next(iter(batch.values())))
        outputs = self.signature.outputs
        found: dict[str, list[np.ndarray]] = {o.name: [] for o in outputs}
        for row in range(rows):
            feed = {
                spec.name: np.asarray(batch[spec.name][row : row + 1], dtype=np.int32)
                for spec in self.signature.inputs
            }
            probabilities = self._model.predict(feed)[self._dictionary]
            values = [probabilities[label] for label in self.signature.labels]
            found[outputs[0].name].append(np.asarray([values], dtype=np.float32))
        return {name: np.concatenate(values) for name, values in found.items()}
