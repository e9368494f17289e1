"""Sounds moved in time while training: where in a clip something is heard is no part of what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Rows


def shift_rows(rows: Rows, indices: Sequence[int], *, most: int, seed: int, epoch: int) -> Rows:
    """The rows at `indices`, each moved by a number of samples that its index, the epoch and the seed draw.

    Args:
        rows: of sounds, each array `[N]`.
        most: samples, to either side.

    Returns:
        Rows of the same length, with zeros where nothing is known.
    """
    import numpy as np

    made: list[Any] = []
    for index in indices:
        by = int(np.random.default_rng([seed, epoch, index]).integers(-most, most + 1))
        made.append({name: _moved(np.asarray(values), by) for name, values in rows[index].items()})
    return made


def _moved(values: np.ndarray, by: int) -> np.ndarray:
    import numpy as np

    made = np.zeros_like(values)
    count = len(values) - abs(by)
    if count > 0:
        made[max(by, 0) :][:count] = values[max(-by, 0) :][:count]
    return made
