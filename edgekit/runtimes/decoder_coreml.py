"""A stateful Core ML decoder by reference semantics (`edgekit.mil`), on any machine; never timed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.metadata import read_signature
from edgekit.runtimes.coreml_program import coreml_spec, open_program
from edgekit.runtimes.coreml_reference import SEMANTICS

if TYPE_CHECKING:
    import numpy as np


class CoreMLDecoder:
    """Runs a package that `edgekit.export.coreml_decoder` wrote."""

    def __init__(self, path: Path) -> None:
        self._model = open_program(path)
        signature = read_signature(coreml_spec(path).description.metadata.userDefined, path=path)
        self.context = signature.max_length or 0
        self.name = f"edgekit.mil ({SEMANTICS})"
        self.begin(0)

    def begin(self, most: int) -> None:
        """See `DecoderRunner.begin`."""
        self._state, self._past = self._model.make_state(), 0

    def extend(self, ids: Sequence[int]) -> np.ndarray:
        """See `DecoderRunner.extend`; a row for every token."""
        import numpy as np

        from edgekit.models.decoders.module import causal_mask

        mask = causal_mask(len(ids), self._past).numpy().astype(np.float16)
        feed = {"inputIds": np.array([ids], np.int32), "causalMask": mask}
        self._past += len(ids)
        return self._model.predict(feed, state=self._state)["logits"][0].astype(np.float32)
