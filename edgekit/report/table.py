"""A table that the page and the Markdown file both draw: one source, so they can't disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Tone = Literal["", "good", "bad", "quiet"]


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; numbers are set right-aligned."""

    title: str
    unit: str = ""
    group: str = ""  # heading over this column and its neighbours of the same group
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One value, with an optional second line such as its interval."""

    text: str
    note: str = ""
    tone: Tone = ""
    code: bool = False  # a hash, a path or a weight's name


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first cell of a row is its heading."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.caption}: {len(self.columns)} columns, a row of {len(row)} cells")

    def __bool__(self) -> bool:
        return bool(self.rows)

    def groups(self) -> list[tuple[str, int]]:
        """(heading, columns under it) from left to right; empty when no column is in a group."""
        if not any(column.group for column in self.columns):
            return []
        return [(title, len(list(run))) for title, run in groupby(column.group for column in self.columns)]


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Table:
    """A table without the columns in which no row has anything to show."""
    from edgekit.report.words import MISSING

    keep = [
        i
        for i, column in enumerate(columns)
        if i == 0 or not column.numeric or any(row[i].text != MISSING for row in rows)
    ]
    return Table(
        caption=caption,
        columns=tuple(columns[i] for i in keep),
        rows=tuple(tuple(row[i] for i in keep) for row in rows),
    )
