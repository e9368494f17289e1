"""Encoded rows in one `.npz` file: what the peak-memory process is given to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgekit.errors import DataError
from edgekit.files import disk_errors
from edgekit.types import Batch


def save_rows(path: Path, rows: Sequence[Batch]) -> None:
    """Writes rows in order; names, shapes and dtypes are kept.

    Raises:
        DataError: a value is not an array of numbers.
        DiskFull: no space is left.
    """
    arrays: dict[str, np.ndarray] = {}
    for index, batch in enumerate(rows):
        for name, value in batch.items():
            array = np.asarray(value)
            if array.dtype.hasobject:
                raise DataError(
                    f"Input {name!r} of row {index} is not an array of numbers.",
                    remedy="Encode rows to integer or float arrays.",
                )
            arrays[f"{index}:{name}"] = array
    with disk_errors(path):
        # numpy's stubs take the keywords for its own options.
        np.savez(path, **arrays)  # type: ignore[arg-type]


def load_rows(path: Path) -> Iterator[dict[str, np.ndarray]]:
    """Yields the rows of `save_rows` in order, one in memory at a time."""
    with np.load(path, allow_pickle=False) as saved:
        names: dict[int, list[str]] = {}
        for key in saved.files:
            names.setdefault(int(key.partition(":")[0]), []).append(key)
        for index in sorted(names):
            yield {key.partition(":")[2]: saved[key] for key in names[index]}
