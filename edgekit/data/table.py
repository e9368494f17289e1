"""Rows as they were read: named columns of Python values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from edgekit.errors import DataError

_SHOWN = 5

FLAGS = {  # recipe field → the same on a command line, for messages
    "data.text": " (--text-column)",
    "data.text_pair": " (--pair-column)",
    "data.label": " (--label-column)",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length. `classes` names the values of columns whose file fixes their order."""

    columns: Mapping[str, Sequence[Any]]
    origin: str = "the table"  # for messages: a file's name
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str, *, setting: str) -> Sequence[Any]:
        """One column's values.

        Args:
            name: the column, or a path into the objects and lists of one: `messages.1.content`.
            setting: the recipe field that asked for it, for the message.

        Raises:
            DataError: there is no such column; says which there are.
        """
        if name in self.columns:
            return self.columns[name]
        outer, *inner = name.split(".")
        if inner and outer in self.columns:
            return [_reached(value, inner) for value in self.columns[outer]]
        by_lower = {column.lower(): column for column in self.columns}
        near = difflib.get_close_matches(name.lower(), by_lower, n=1)
        guess = f"Did you mean {by_lower[near[0]]!r}? " if near else ""
        raise DataError(
            f"{self.origin} has no column {name!r}. Its columns: {', '.join(self.columns) or 'none'}.",
            remedy=f"{guess}Set {setting}{FLAGS.get(setting, '')}; "
            "name the columns of a file without a header row in data.columns.",
        )


def _reached(value: Any, path: Sequence[str]) -> Any:
    """What lies at a path of keys and 0-based places; None where a row has nothing there."""
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def name_rows(indices: Iterable[int]) -> str:
    """Words for 0-based row indices, counted from 1 after the header: "rows 3, 7, 12, …"."""
    first = list(islice(indices, _SHOWN + 1))
    shown = ", ".join(str(index + 1) for index in first[:_SHOWN])
    return f"{'row' if len(first) == 1 else 'rows'} {shown}{', …' if len(first) > _SHOWN else ''}"


def name_values(values: Iterable[str]) -> str:
    """Words for a few values: "'a', 'b', …"."""
    first = list(islice(values, _SHOWN + 1))
    return ", ".join(map(repr, first[:_SHOWN])) + (", …" if len(first) > _SHOWN else "")
