"""Sequence lengths that a package takes: one, several, or every one up to the model's limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit.batches import is_padded
from edgekit.errors import ExportError
from edgekit.types import Signature

DEFAULT = 32  # tokens; what Core ML plans a flexible input for


def chosen_lengths(signature: Signature, shapes: str, lengths: Sequence[int]) -> tuple[int, ...]:
    """The lengths of `enumerated` or `fixed` inputs, ascending, the model's own limit being the last.

    Raises:
        ExportError: the longest is shorter than texts may be, so the package could not take them all.
    """
    limit = signature.max_length or max(lengths)
    usable = tuple(sorted({min(length, limit) for length in lengths}))
    if shapes != "range" and usable[-1] < limit:
        raise ExportError(
            f"{shapes} shapes end at {usable[-1]} tokens, and the model takes {limit}.",
            remedy=f"Lower the model's limit (--max-length {usable[-1]}, or data.max_length in a recipe), or "
            "name the limit among the export's lengths.",
        )
    return usable


def array_inputs(signature: Signature, *, shapes: str, lengths: Sequence[int]) -> list[Any]:
    """coremltools' description of integer inputs `[1, L]`, or of floats such as pixels `[1, 3, H, W]`.

    Pixels are a multi-array as well, and no `ImageType`: an image that Core ML or Vision scales by itself has
    other values than the model was trained on, and the package could not be compared number by number.

    Args:
        lengths: from `chosen_lengths`.
    """
    import coremltools as ct
    import numpy as np

    if not is_padded(signature.inputs[0]):
        return [
            ct.TensorType(name=spec.name, shape=(1, *spec.shape[1:]), dtype=np.dtype(spec.dtype).type)
            for spec in signature.inputs
        ]
    limit = signature.max_length or lengths[-1]
    if shapes == "fixed":
        shape: Any = (1, lengths[-1])
    elif shapes == "enumerated":
        shape = ct.EnumeratedShapes(shapes=[(1, n) for n in lengths], default=(1, lengths[0]))
    else:
        shape = (1, ct.RangeDim(lower_bound=1, upper_bound=limit, default=min(DEFAULT, limit)))
    return [ct.TensorType(name=spec.name, shape=shape, dtype=np.int32) for spec in signature.inputs]
