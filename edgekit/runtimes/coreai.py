"""Runs a Core AI asset of any task that edgekit exported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.metadata import read_signature
from edgekit.runtimes.coreai_function import AssetFunction, coreai_metadata
from edgekit.runtimes.coreml_io import TextPackage

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch


class CoreAIRunner:
    """A row at a time, by Core AI's own runtime; see `TextPackage` for what goes in and comes out."""

    def __init__(self, path: Path) -> None:
        self.signature = read_signature(coreai_metadata(path), path=path)
        self._package = TextPackage(self.signature)
        self._function = AssetFunction(path)
        self.name = self._function.name

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        """See `Runner.run`."""
        import numpy as np

        rows = range(len(next(iter(batch.values()))))
        answers = [
            self._package.answer(self._function(self._package.feed(batch, row)), batch) for row in rows
        ]
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}
