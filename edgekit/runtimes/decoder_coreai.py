"""A Core AI decoder with its states, by Core AI's own runtime; off a Mac it is slow, and never timed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.metadata import read_signature
from edgekit.runtimes.coreai_function import AssetFunction, coreai_metadata

if TYPE_CHECKING:
    import numpy as np


class CoreAIDecoder:
    """Runs an asset that `edgekit.export.coreai_decoder` wrote."""

    def __init__(self, path: Path) -> None:
        self.context = read_signature(coreai_metadata(path), path=path).max_length or 0
        self._function = AssetFunction(path)
        self.name = self._function.name
        self.begin(0)

    def begin(self, most: int) -> None:
        """See `DecoderRunner.begin`."""
        self._state, self._past = self._function.make_state(), 0

    def extend(self, ids: Sequence[int]) -> np.ndarray:
        """See `DecoderRunner.extend`; a row for every token."""
        import numpy as np

        from edgekit.models.decoders.module import causal_mask

        feed = {
            "inputIds": np.array([ids], np.int32),
            "causalMask": causal_mask(len(ids), self._past).numpy(),
        }
        self._past += len(ids)
        return self._function(feed, self._state)["logits"][0].astype(np.float32)
