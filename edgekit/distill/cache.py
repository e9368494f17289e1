"""A frozen teacher's answers on disk: computed once, mapped into memory, found by their key.

One `.npy` file per answer, in the order of the rows, so that NumPy alone can read them: `logits.npy` is
`[rows, C]`; what belongs to tokens is `[tokens + 1, D]`, unpadded, row after row, and its last line is zeros,
which padding reads. States are bfloat16 (stored as int16), logits float32. `meta.json` is written last: a
folder without one is unfinished, and continues after the batches that its `done.json` counts.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.files import disk_errors, read_json, require_space, write_json

if TYPE_CHECKING:
    from io import FileIO

    import numpy as np
    from torch import Tensor

COMMIT_S = 5.0  # seconds of asking that a kill may cost
META = "meta.json"
_DONE = "done.json"
_STORED = {"float32": "<f4", "int32": "<i4", "bfloat16": "<i2"}  # NumPy has no bfloat16


@dataclass(frozen=True, slots=True)
class Column:
    """One kind of answer."""

    name: str
    dtype: str  # "float32" | "int32" | "bfloat16"
    width: int  # numbers per row, or per token
    per_token: bool

    @property
    def file(self) -> str:
        return f"{self.name}.npy"


@dataclass(frozen=True, slots=True)
class Layout:
    """Which answers a cache holds, and for how many tokens of each row."""

    columns: tuple[Column, ...]
    lengths: np.ndarray  # `[rows]` int64

    def shape(self, column: Column) -> tuple[int, int]:
        """Lines and numbers per line."""
        return (int(self.lengths.sum()) + 1 if column.per_token else len(self.lengths), column.width)

    def size(self, column: Column) -> int:
        """Bytes of a column's numbers."""
        import numpy as np

        return math.prod(self.shape(column)) * np.dtype(_STORED[column.dtype]).itemsize

    @property
    def size_bytes(self) -> int:
        """Bytes of all numbers."""
        return sum(self.size(column) for column in self.columns)


def is_complete(folder: Path, key: str, layout: Layout) -> bool:
    """Whether `folder` holds the whole cache of this key."""
    try:
        if read_json(folder / META)["key"] != key:
            return False
        sizes = {c.file: (folder / c.file).stat().st_size for c in layout.columns}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return all(sizes[c.file] == len(_header(layout, c)) + layout.size(c) for c in layout.columns)


class Writer:
    """Fills a cache batch by batch; a killed writer's successor goes on where its last commit was.

    Raises:
        DiskFull: before anything is written, when the space is not there; or later, when others took it.
    """

    def __init__(self, folder: Path, key: str, layout: Layout) -> None:
        self.folder, self.key, self.layout = folder, key, layout
        committed = self._committed()
        self.done = committed or 0  # batches
        with disk_errors(folder):
            if committed is None:
                _clear(folder)  # another key's, or damaged
                require_space(folder, layout.size_bytes, purpose="The teacher's answers")
                folder.mkdir(parents=True, exist_ok=True)
            self._files = [self._open(column) for column in layout.columns]
            self._commit()
        self._starts = starts(layout.lengths)
        self._committed_at = time.monotonic()

    def _committed(self) -> int | None:
        """Batches that are safe on disk; None when nothing here belongs to this key."""
        try:
            told = read_json(self.folder / _DONE)
            whole = all((self.folder / c.file).stat().st_size > 0 for c in self.layout.columns)
            return int(told["batches"]) if told["key"] == self.key and whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _open(self, column: Column) -> tuple[Column, int, FileIO]:
        path = self.folder / column.file
        header = _header(self.layout, column)
        if not path.exists():
            with path.open("wb") as stream:
                stream.write(header)
                stream.truncate(len(header) + self.layout.size(column))
        return column, len(header), path.open("r+b", buffering=0)

    def write(self, indices: Sequence[int], answers: Mapping[str, Tensor]) -> None:
        """Keeps one batch's answers.

        Args:
            answers: column → `[B, width]`, or `[B, L, width]` padded on the right.
        """
        with disk_errors(self.folder):
            for column, header, stream in self._files:
                numbers = _numbers(answers[column.name], column)
                line = numbers.itemsize * column.width
                for place, index in enumerate(indices):
                    start = int(self._starts[index]) if column.per_token else index
                    own = numbers[place, : self.layout.lengths[index]] if column.per_token else numbers[place]
                    stream.seek(header + start * line)
                    stream.write(own.tobytes())
            self.done += 1
            if time.monotonic() - self._committed_at > COMMIT_S:
                self._commit()

    def _commit(self) -> None:
        for _, _, stream in self._files:
            os.fsync(stream.fileno())
        write_json(self.folder / _DONE, {"key": self.key, "batches": self.done})
        self._committed_at = time.monotonic()

    def finish(self, about: Mapping[str, Any]) -> None:
        """Declares the cache whole.

        Args:
            about: what a reader of `meta.json` may want to know.
        """
        with disk_errors(self.folder):
            self._commit()
            for _, _, stream in self._files:
                stream.close()
            columns = {c.name: {"dtype": c.dtype, "per_token": c.per_token} for c in self.layout.columns}
            write_json(self.folder / META, {"key": self.key, "columns": columns, **about})
        (self.folder / _DONE).unlink()


class Reader:
    """Gathers batches from a whole cache.

    Args:
        device: where the tables lie; None leaves them mapped from disk, shared with all processes by the
            page cache.
    """

    def __init__(self, folder: Path, layout: Layout, *, device: Any = None) -> None:
        import torch

        self._tables = dict(_tables(folder, layout))
        if device is not None:
            self._tables = {name: table.to(device) for name, table in self._tables.items()}
        self._lengths = torch.from_numpy(layout.lengths)
        self._starts = torch.from_numpy(starts(layout.lengths))
        self.nothing = int(layout.lengths.sum())  # the line of zeros

    def rows(self, name: str, indices: Tensor) -> Tensor:
        """What belongs to whole rows: `[B, width]`."""
        table = self._tables[name]
        return table.index_select(0, indices.to(table.device))

    def places(self, indices: Tensor, *, width: int) -> Tensor:
        """Lines of the rows' tokens in a table: `[B, L]` int64, those of padding point to the zeros.

        Args:
            width: tokens at least; a longer row among `indices` makes L larger.
        """
        import torch

        lengths = self._lengths[indices, None]
        offsets = torch.arange(max(width, int(lengths.max())))
        return torch.where(offsets < lengths, self._starts[indices, None] + offsets, self.nothing)

    def tokens(self, name: str, places: Tensor) -> Tensor:
        """What belongs to tokens: `[B, L, width]`, zeros beyond each row."""
        table = self._tables[name]
        flat = table.index_select(0, places.flatten().to(table.device))
        return flat.view(*places.shape, -1)


def starts(lengths: np.ndarray) -> np.ndarray:
    """The first line of each row: `[rows]` int64."""
    import numpy as np

    return np.cumsum(lengths) - lengths


def _clear(folder: Path) -> None:
    for path in [folder / META, folder / _DONE, *folder.glob("*.npy")]:
        path.unlink(missing_ok=True)


def _numbers(answer: Tensor, column: Column) -> np.ndarray:
    import torch

    stored = answer.detach().to(getattr(torch, column.dtype)).cpu().contiguous()
    return (stored.view(torch.int16) if column.dtype == "bfloat16" else stored).numpy()


def _tables(folder: Path, layout: Layout) -> Iterator[tuple[str, Tensor]]:
    import numpy as np
    import torch

    for column in layout.columns:
        # Copy-on-write: PyTorch has no read-only tensors, and nobody writes to these.
        table = torch.from_numpy(np.load(folder / column.file, mmap_mode="c"))
        yield column.name, table.view(torch.bfloat16) if column.dtype == "bfloat16" else table


def _header(layout: Layout, column: Column) -> bytes:
    import io

    from numpy.lib import format as npy

    stream = io.BytesIO()
    told = {"descr": _STORED[column.dtype], "fortran_order": False, "shape": layout.shape(column)}
    npy.write_array_header_1_0(stream, told)
    return stream.getvalue()
