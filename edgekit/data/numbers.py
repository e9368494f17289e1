"""Cells that hold numbers: ratings for bins, and the truth of a regression."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edgekit.data.table import Table, name_rows
from edgekit.errors import DataError


def number_of(table: Table, column: str, row: int, value: Any) -> float | None:
    """A cell as a finite number; None if it is empty.

    Raises:
        DataError: the cell holds something else.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(
            f"{table.origin}: column {column!r} needs numbers, but holds {value!r} ({name_rows([row])}).",
            remedy="Correct the value, or name the numeric column in data.label (for bins: "
            "data.label.column).",
        )
    return number


def numbers(table: Table, rows: Sequence[int], column: str) -> list[float]:
    """The truth of a regression for each row asked for.

    Raises:
        DataError: no such column, a missing value, or one that is no number.
    """
    values = table.column(column, setting="data.label")
    found = {row: number_of(table, column, row, values[row]) for row in rows}
    refuse_missing(table, column, [row for row, number in found.items() if number is None])
    return [number for number in found.values() if number is not None]


def refuse_missing(table: Table, column: str, rows: list[int]) -> None:
    """Refuses rows without a label.

    Raises:
        DataError: says how many, and which.
    """
    if rows:
        raise DataError(
            f"{table.origin}: {len(rows)} of {len(table)} rows have no label in column {column!r} "
            f"({name_rows(rows)}).",
            remedy="Label them or remove them, or name another column in data.label.",
        )
