"""Core ML off a Mac: `edgekit.mil` executes the package by reference semantics.

That is what MIL's documentation says each operation computes, rounded to the types that the program
declares. A device fuses and reorders, so its last digits differ: never call this device output, and never
time it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgekit.errors import MissingExtra, ModelError
from edgekit.metadata import read_signature
from edgekit.quiet import hush, quiet

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch

SEMANTICS = "reference semantics, not device output"


class CoreMLReferenceRunner:
    """Runs an `.mlpackage` that edgekit exported; a dictionary of probabilities comes back in label order.

    Args:
        rounding: "declared" rounds every result to its declared type; "none" keeps float32 throughout, so
            that what remains of an error is a wrong conversion and not lost precision.
    """

    def __init__(
        self, path: Path, *, threads: int = 1, rounding: Literal["declared", "none"] = "declared"
    ) -> None:
        hush()
        try:
            with quiet():
                import coremltools as ct

                from edgekit import mil

                metadata = ct.models.MLModel(str(path), skip_model_load=True).user_defined_metadata
        except ImportError as error:
            raise MissingExtra("coremltools", extra="coreml", needed_for=f"Running {path.name}") from error
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"{path} can't be loaded: {error}", remedy="Export it again.") from error
        with quiet():
            self._model = mil.load(path)
        self.signature = read_signature(metadata, path=path)
        self._threads, self._rounding = threads, rounding
        self.name = f"edgekit.mil ({SEMANTICS}{', unrounded' if rounding == 'none' else ''})"

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        """See `Runner.run`. The packages take one row at a time."""
        import numpy as np
        import torch

        rows = len(next(iter(batch.values())))
        found: dict[str, list[np.ndarray]] = {output.name: [] for output in self.signature.outputs}
        before = torch.get_num_threads()
        try:
            torch.set_num_threads(self._threads)
            for row in range(rows):
                feed = {
                    spec.name: np.asarray(batch[spec.name][row : row + 1], dtype=np.int32)
                    for spec in self.signature.inputs
                }
                given = self._model.predict(feed, rounding=self._rounding)
                for name, values in found.items():
                    values.append(self._array(given, name))
        finally:
            torch.set_num_threads(before)
        return {name: np.concatenate(values) for name, values in found.items()}

    def _array(self, given: dict, name: str) -> np.ndarray:
        import numpy as np

        value = given.get(name)
        if value is None:  # a classifier's dictionary has a name of its own
            value = next(v for v in given.values() if isinstance(v, dict))
        if isinstance(value, dict):
            value = [[value[label] for label in self.signature.labels]]
        return np.asarray(value, dtype=np.float32)
