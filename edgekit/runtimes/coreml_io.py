"""What the runners of Apple's formats have in common: the lengths a package takes, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.batches import is_padded
from edgekit.errors import ModelError
from edgekit.tasks import TEXT_GENERATION, get_task

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch, Signature


class TextPackage:
    """One row at a time in and out of a package that edgekit exported.

    Args:
        signature: from its metadata.
        lengths: the only ones that it takes, see `lengths_of`; empty: any up to its limit.

    Raises:
        ModelError: the package answers with a state, from call to call.
    """

    def __init__(self, signature: Signature, lengths: Sequence[int] = ()) -> None:
        if signature.task == TEXT_GENERATION.name:
            raise ModelError(
                f"The package is for {signature.task}, whose calls depend on one another.",
                remedy="Use `edgekit generate`, or edgekit.mil with model.make_state().",
            )
        self.signature = signature
        self._lengths = tuple(lengths) if is_padded(signature.inputs[0]) else ()

    def feed(self, batch: Batch, row: int) -> dict[str, np.ndarray]:
        """A row's inputs, int32 `[1, L]`, padded where the package takes certain lengths only; or
        an array as it is.

        Raises:
            ModelError: the row is longer than any of them.
        """
        import numpy as np

        length = batch[self.signature.inputs[0].name].shape[1]
        width = next((n for n in self._lengths if n >= length), 0) if self._lengths else length
        if not width:
            raise ModelError(
                f"A text of {length} tokens was given to a package that takes at most {self._lengths[-1]}.",
                remedy="Cut texts at the package's maximum length, or export it with longer shapes.",
            )
        made = {}
        for spec in self.signature.inputs:
            # The attention mask is padded with 0 like all else, so that what stands there is not read.
            given = batch[spec.name][row]
            array = np.zeros((1, width, *given.shape[1:]), dtype=spec.dtype)
            array[0, :length] = given
            made[spec.name] = array
        return made

    def answer(self, given: Mapping[str, Any], batch: Batch) -> dict[str, np.ndarray]:
        """A row's outputs by the signature's names, float32 `[1, …]`; padding added by `feed` left out."""
        import numpy as np

        length = batch[self.signature.inputs[0].name].shape[1]
        per_token = get_task(self.signature.task).per_token
        found = {}
        for spec in self.signature.outputs:
            value = given.get(spec.name)
            if value is None:  # a classifier's dictionary has a name of its own
                probabilities = next(v for v in given.values() if isinstance(v, dict))
                value = [[probabilities[label] for label in self.signature.labels]]
            array = np.asarray(value, dtype=np.float32)
            found[spec.name] = array[:, :length] if per_token else array
        return found


def lengths_of(spec: Any) -> tuple[int, ...]:
    """The only sequence lengths that a Core ML package's first input takes, ascending; empty: any up to its
    limit.
    """
    array = spec.description.input[0].type.multiArrayType
    if len(array.shapeRange.sizeRanges):
        return ()
    shapes = [s.shape for s in array.enumeratedShapes.shapes] or [array.shape]
    return tuple(sorted(int(shape[1]) for shape in shapes))
