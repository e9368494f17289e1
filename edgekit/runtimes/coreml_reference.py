"""Core ML off a Mac: `edgekit.mil` executes the package by reference semantics.

That is what MIL's documentation says each operation computes, rounded to the types that the program
declares. A device fuses and reorders, so its last digits differ: never call this device output, and never
time it.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgekit.metadata import read_signature
from edgekit.runtimes.coreml_io import TextPackage, lengths_of
from edgekit.runtimes.coreml_program import coreml_spec, open_program

if TYPE_CHECKING:
    import numpy as np

    from edgekit.mil import Model
    from edgekit.types import Batch

SEMANTICS = "reference semantics, not device output"


class CoreMLReferenceRunner:
    """Runs an `.mlpackage` of any task that edgekit exported; see `TextPackage` for what goes in and out.

    Args:
        rounding: "declared" rounds every result to its declared type; "none" keeps float32 throughout, so
            that what remains of an error is a wrong conversion and not lost precision.
    """

    def __init__(
        self, path: Path, *, threads: int = 1, rounding: Literal["declared", "none"] = "declared"
    ) -> None:
        self._model = open_program(path)
        spec = coreml_spec(path)
        self.signature = read_signature(spec.description.metadata.userDefined, path=path)
        self._package = TextPackage(self.signature, lengths_of(spec))
        self._threads, self._rounding = threads, rounding
        self.name = f"edgekit.mil ({SEMANTICS}{', unrounded' if rounding == 'none' else ''})"

    @property
    def model(self) -> Model:
        """The package as `edgekit.mil` loaded it."""
        return self._model

    def unrounded(self) -> CoreMLReferenceRunner:
        """The same package, executed without rounding; the weights are shared."""
        other = copy.copy(self)
        other._rounding, other.name = "none", f"edgekit.mil ({SEMANTICS}, unrounded)"
        return other

    def feed(self, batch: Batch, row: int = 0) -> dict[str, np.ndarray]:
        """What the package is given for a row of a batch."""
        return self._package.feed(batch, row)

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
                given = self._model.predict(self._package.feed(batch, row), rounding=self._rounding)
                for name, value in self._package.answer(given, batch).items():
                    found[name].append(value)
        finally:
            torch.set_num_threads(before)
        return {name: np.concatenate(values) for name, values in found.items()}
