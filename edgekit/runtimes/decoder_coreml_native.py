"""A stateful Core ML decoder on a Mac, by compute unit: what is timed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import ExportError, MissingExtra, ModelError, first_line
from edgekit.quiet import hush, quiet
from edgekit.runtimes.coreml_native import available
from edgekit.runtimes.coreml_program import DECODE, coreml_spec

if TYPE_CHECKING:
    import numpy as np


class NativeCoreMLDecoder:
    """Runs a package that `edgekit.export.coreml_decoder` wrote.

    Args:
        model: what predicts: coremltools' `MLModel`, or anything with its `make_state` and `predict`.
        context: tokens that its states hold.
        name: what executes it.
        decode: what predicts for a single token; `model` when None. It is given `model`'s state.
    """

    def __init__(self, model: Any, *, context: int, name: str, decode: Any = None) -> None:
        self._model, self.context, self.name = model, context, name
        self._decode = model if decode is None else decode
        self.begin(0)

    def begin(self, most: int) -> None:
        """See `DecoderRunner.begin`."""
        self._state, self._past = self._model.make_state(), 0

    def extend(self, ids: Sequence[int]) -> np.ndarray:
        """See `DecoderRunner.extend`; a row for every token."""
        import numpy as np

        end = self._past + len(ids)
        # Row i sees the caches and the new tokens up to i; -30000 is far enough for a softmax in fp16.
        seen = np.arange(end) <= np.arange(self._past, end)[:, None]
        mask = np.where(seen, np.float16(0), np.float16(-30000))[None, None]
        given = {"inputIds": np.array([ids], np.int32), "causalMask": mask}
        self._past = end
        model = self._decode if len(ids) == 1 else self._model
        return model.predict(given, state=self._state)["logits"][0].astype(np.float32)


def open_native_decoder(path: Path, *, compute_units: str = "ALL") -> NativeCoreMLDecoder:
    """Opens a package in Apple's runtime.

    Args:
        compute_units: one of `edgekit.runtimes.coreml_native.COMPUTE_UNITS`.

    Raises:
        ExportError: this is no Mac.
        MissingExtra: coremltools is not installed.
        ModelError: it can't be loaded, or edgekit did not write it.
    """
    from edgekit.metadata import read_signature

    if not available():
        raise ExportError(
            f"{path.name} can't be timed here: Apple's Core ML runtime exists on macOS only, and reference "
            "semantics say nothing of speed.",
            remedy="Run the same command on a Mac.",
        )
    hush()
    try:
        with quiet():
            import coremltools as ct

            units = ct.ComputeUnit[compute_units]
            names = [function.name for function in coreml_spec(path).description.functions]
            model = ct.models.MLModel(str(path), compute_units=units)
            decode = (
                ct.models.MLModel(str(path), compute_units=units, function_name=DECODE)
                if DECODE in names
                else None
            )
    except ImportError as error:
        raise MissingExtra("coremltools", extra="coreml", needed_for=f"Running {path.name}") from error
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"{path} can't be loaded: {first_line(error)}", remedy="Export it again.") from error
    signature = read_signature(model.user_defined_metadata, path=path)
    return NativeCoreMLDecoder(
        model,
        context=signature.max_length or 0,
        name=f"Core ML, macOS ({compute_units})",
        decode=decode,
    )
