"""A stateful Core ML decoder by reference semantics (`edgekit.mil`), on any machine; never timed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.metadata import read_signature
from edgekit.runtimes.coreml_program import DECODE, coreml_spec, open_program
from edgekit.runtimes.coreml_reference import SEMANTICS

if TYPE_CHECKING:
    import numpy as np


class CoreMLDecoder:
    """Runs a package that `edgekit.export.coreml_decoder` wrote.

    Single tokens are read by a function of their own, where it has one.
    """

    def __init__(self, path: Path) -> None:
        self._model = open_program(path)
        own = DECODE in self._model.functions
        self._decode = open_program(path, function_name=DECODE) if own else self._model
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
        model = self._decode if len(ids) == 1 else self._model
        return model.predict(feed, state=self._state)["logits"][0].astype(np.float32)
