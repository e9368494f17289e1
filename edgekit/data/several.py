"""Cells that hold several labels: the labels of a text, or one tag for each of its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit.data.labels import label_of, name_ids
from edgekit.data.numbers import refuse_missing
from edgekit.data.table import Table, name_rows
from edgekit.errors import DataError
from edgekit.recipe.schema import Data

Ids = tuple[int, ...]


def label_sets(
    table: Table, rows: Sequence[int], column: str, data: Data, known: tuple[str, ...] | None
) -> tuple[tuple[str, ...], list[Ids]]:
    """Names in id order, and the sorted ids of every row's labels; an empty list or text is no label at all.

    Raises:
        DataError: no such column, a cell that is no list (or text without `label_separator`), a missing
            cell, or a label without a name.
    """
    values = table.column(column, setting="data.label")
    refuse_missing(table, column, [row for row in rows if values[row] is None])
    cells = []
    for row in rows:
        parts = _parts(table, column, row, values[row], data.label_separator)
        named = (label_of(table, column, row, part) for part in parts)
        cells.append(tuple(dict.fromkeys(label for label in named if label is not None)))
    names, ids = name_ids(table, column, rows, cells, data.labels, known)
    return names, [tuple(sorted(one)) for one in ids]


def tags(
    table: Table,
    rows: Sequence[int],
    column: str,
    data: Data,
    known: tuple[str, ...] | None,
    *,
    texts: Sequence[str],
) -> tuple[tuple[str, ...], list[Ids]]:
    """Names in id order, and the id of every word's tag.

    Args:
        texts: of the same rows, words between single spaces.

    Raises:
        DataError: no such column, another number of tags than words, a missing tag, or a tag without a name.
    """
    values = table.column(column, setting="data.label")
    refuse_missing(table, column, [row for row in rows if values[row] is None])
    cells = []
    for row, text in zip(rows, texts, strict=True):
        value, words = values[row], text.split()
        if isinstance(value, str):  # tags hold no space, so whitespace is a safe default
            value = value.split(data.label_separator)
        parts = _parts(table, column, row, value, None)
        named = [label_of(table, column, row, part) for part in parts]
        if len(named) != len(words) or None in named:
            given = sum(tag is not None for tag in named)
            raise DataError(
                f"{table.origin}: {name_rows([row])} has {len(words)} words and {given} tags in column "
                f"{column!r}.",
                remedy="Give one tag for each word (O for none); set data.label_separator if the tags are "
                "not separated by spaces.",
            )
        cells.append(tuple(tag for tag in named if tag is not None))
    return name_ids(table, column, rows, cells, data.labels, known)


def words_of(table: Table, column: str, row: int, value: Any) -> Any:
    """A list of words as text with single spaces; any other cell as it is.

    Raises:
        DataError: an entry of the list is no word.
    """
    if not isinstance(value, (list, tuple)):
        return value
    for word in value:
        if not isinstance(word, str) or len(word.split()) != 1:
            raise DataError(
                f"{table.origin}: column {column!r} holds {word!r} in its list of words "
                f"({name_rows([row])}).",
                remedy="Give words without spaces, and none that is empty.",
            )
    return " ".join(part for word in value for part in word.split())


def _parts(table: Table, column: str, row: int, value: Any, separator: str | None) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str) and not value.strip():
        return []
    if isinstance(value, str) and separator is not None:
        return value.split(separator)
    raise DataError(
        f"{table.origin}: column {column!r} holds {value!r} ({name_rows([row])}), "
        "which is no list of labels.",
        remedy="Give lists (JSONL, Parquet), or text whose labels data.label_separator splits.",
    )
