"""Label column or numeric bins → class ids; several labels a row, and tags, are named here as well."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.data.numbers import number_of, refuse_missing
from edgekit.data.table import Table, name_rows, name_values
from edgekit.errors import DataError
from edgekit.recipe.schema import Data, LabelBins

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class ClassIds:
    """Class names in id order, and one id per row asked for; None where a row lies outside every bin."""

    names: tuple[str, ...]
    ids: tuple[int | None, ...]


def class_ids(
    table: Table, rows: Sequence[int], data: Data, *, known: tuple[str, ...] | None = None
) -> ClassIds:
    """Gives each row its class.

    Names come in the order of `known`; else of `data.labels`; else of the file's own class list, if it has
    one; else of the bins; else sorted, numbers by value. A column of numbers 0 … n−1, none of which is a name
    in `data.labels`, holds ids into `data.labels`.

    Args:
        table: holds the label column.
        rows: 0-based indices of the rows to label.
        data: `label` and `labels`.
        known: class names that are settled: a training set's for its test set, or a model's own.

    Raises:
        DataError: no such column, missing labels, a label without a name, or a value that is no number in a
            bins column.
    """
    if isinstance(data.label, LabelBins):
        return _binned(table, rows, data.label, data.labels, known)
    return _named(table, rows, data.label, data.labels, known)


def _named(
    table: Table, rows: Sequence[int], column: str, declared: tuple[str, ...], known: tuple[str, ...] | None
) -> ClassIds:
    values = table.column(column, setting="data.label")
    found = [label_of(table, column, row, values[row]) for row in rows]
    refuse_missing(table, column, [row for row, label in zip(rows, found, strict=True) if label is None])
    cells = [(label,) for label in found if label is not None]
    names, ids = name_ids(table, column, rows, cells, declared, known)
    return ClassIds(names, tuple(one for (one,) in ids))


def name_ids(
    table: Table,
    column: str,
    rows: Sequence[int],
    cells: Sequence[tuple[str, ...]],
    declared: tuple[str, ...],
    known: tuple[str, ...] | None,
) -> tuple[tuple[str, ...], list[tuple[int, ...]]]:
    """Names in id order, and the ids of every cell's labels; see `class_ids` for where names come from.

    Raises:
        DataError: a name twice, or a label without a name.
    """
    labels = {label for cell in cells for label in cell}
    as_ids = labels.isdisjoint(declared) and labels <= {str(i) for i in range(len(declared))}
    if as_ids:
        cells = [tuple(declared[int(label)] for label in cell) for cell in cells]
        labels = {label for cell in cells for label in cell}
    names = known or declared or table.classes.get(column) or tuple(sorted(labels, key=_by_value))
    if len(set(names)) != len(names):
        raise DataError(f"Two classes have one name: {name_values(names)}.", remedy="Name each class once.")
    strange = sorted(labels.difference(names), key=_by_value)
    if strange:
        which = name_rows(r for r, cell in zip(rows, cells, strict=True) if not set(cell).isdisjoint(strange))
        raise DataError(
            f"{table.origin}: column {column!r} holds {name_values(strange)} ({which}), which is none of the "
            f"classes {', '.join(names)}.",
            remedy="Correct the labels, or name every class in data.labels (in id order, if they are ids).",
        )
    ids = {name: i for i, name in enumerate(names)}
    return names, [tuple(ids[label] for label in cell) for cell in cells]


def label_of(table: Table, column: str, row: int, value: Any) -> str | None:
    """A cell as a class name; None if it is empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # ids turn into floats wherever a column once had a gap
    raise DataError(
        f"{table.origin}: column {column!r} holds {value!r} ({name_rows([row])}), which is no class label.",
        remedy="Give strings, whole numbers or booleans; a rating becomes classes by data.label.bins.",
    )


def _by_value(label: str) -> tuple[int, float, str]:
    return (0, float(label), label) if _NUMBER.fullmatch(label) else (1, 0.0, label)


def _binned(
    table: Table,
    rows: Sequence[int],
    label: LabelBins,
    declared: tuple[str, ...],
    known: tuple[str, ...] | None,
) -> ClassIds:
    if declared and set(declared) != set(label.bins):
        raise DataError(
            f"data.labels ({', '.join(declared)}) and the bins ({', '.join(label.bins)}) name other classes.",
            remedy="Remove data.labels, or use it only to order the bins' names.",
        )
    names = known or declared or tuple(label.bins)
    if not set(label.bins) <= set(names):
        raise DataError(
            f"The bins {', '.join(label.bins)} are not all among the classes {', '.join(names)}.",
            remedy="Name the bins in data.label.bins as the classes are named.",
        )
    values = table.column(label.column, setting="data.label.column")
    numbers = [number_of(table, label.column, row, values[row]) for row in rows]
    refuse_missing(table, label.column, [r for r, n in zip(rows, numbers, strict=True) if n is None])
    ids = {name: i for i, name in enumerate(names)}
    return ClassIds(
        names,
        tuple(
            _bin(table, label, row, number, ids)
            for row, number in zip(rows, numbers, strict=True)
            if number is not None
        ),
    )


def _bin(table: Table, label: LabelBins, row: int, number: float, ids: dict[str, int]) -> int | None:
    inside = [
        name
        for name, (low, high) in label.bins.items()
        if (low is None or low <= number) and (high is None or number <= high)
    ]
    if len(inside) > 1:
        raise DataError(
            f"{table.origin}: {label.column} {number:g} ({name_rows([row])}) lies in the bins "
            f"{' and '.join(map(repr, inside))}.",
            remedy="Let the bins in data.label.bins not overlap; both ends of a bin belong to it.",
        )
    return ids[inside[0]] if inside else None
