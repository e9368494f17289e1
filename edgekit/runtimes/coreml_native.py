"""Core ML through coremltools, on macOS, where Apple's runtime can execute it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import ExportError, MissingExtra, ModelError
from edgekit.metadata import read_signature
from edgekit.quiet import hush, quiet
from edgekit.runtimes.coreml_io import TextPackage, lengths_of

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch

COMPUTE_UNITS = ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL")


def available() -> bool:
    """Whether this machine can execute Core ML models."""
    return sys.platform == "darwin"


class CoreMLRunner:
    """Runs an `.mlpackage` of any task natively; see `TextPackage` for what goes in and comes out."""

    def __init__(self, path: Path, *, compute_units: str = "ALL") -> None:
        if not available():
            raise ExportError(
                f"{path.name} can't be executed here: Apple's Core ML runtime exists on macOS only.",
                remedy="Run the same command on a Mac; without compute units the package is executed here by "
                "reference semantics.",
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
        self._package = TextPackage(self.signature, lengths_of(self._model.get_spec()))
        self.name = f"Core ML, macOS ({compute_units})"

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        """See `Runner.run`. Core ML takes one row at a time."""
        import numpy as np

        rows = len(next(iter(batch.values())))
        found: dict[str, list[np.ndarray]] = {output.name: [] for output in self.signature.outputs}
        for row in range(rows):
            given = self._model.predict(self._package.feed(batch, row))
            for name, value in self._package.answer(given, batch).items():
                found[name].append(value)
        return {name: np.concatenate(values) for name, values in found.items()}
