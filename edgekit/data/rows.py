"""Table → labelled rows: texts checked; rows outside the bins, empty and repeated ones counted."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.data.several import words_of
from edgekit.data.table import Table, name_rows
from edgekit.data.truth import read_truth
from edgekit.errors import DataError
from edgekit.recipe.schema import Data
from edgekit.tasks import Task, get_task

Text = str | tuple[str, str]

# Reasons in `Splits.dropped`; those of a test table carry the prefix "test_".
OUTSIDE_BINS = "outside_bins"
EMPTY_TEXT = "empty_text"
DUPLICATE_TEXT = "duplicate_text"
CONFLICTING_LABEL = "conflicting_label"  # a repeated text whose label differs from the first one's
IN_TEST_SET = "in_test_set"
OVER_LIMIT = "over_limit"

_BETWEEN = "\x1f"  # counts as whitespace, so no normalised text holds it


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled input; rows of equal `key` hold the same text."""

    input: Text
    key: str
    label: Any  # as `Truths` has it


@dataclass(frozen=True, slots=True)
class Rows:
    """What a table holds for training or judging, in file order."""

    rows: tuple[Row, ...]
    names: tuple[str, ...]
    dropped: Counter[str]


def text_key(text: Text) -> str:
    """A text in Unicode form NFC with each run of whitespace as one space and none around it."""
    if isinstance(text, tuple):
        return _BETWEEN.join(map(text_key, text))
    return " ".join(unicodedata.normalize("NFC", text).split())


def collect(
    table: Table, data: Data, *, task: str = "text-classification", known: tuple[str, ...] | None = None
) -> Rows:
    """Labelled rows of a table.

    Args:
        table: as read.
        data: which columns, and what to leave out.
        task: says what a label is.
        known: names that are settled: a training set's for its test set, or a model's own.

    Raises:
        DataError: a missing column, text that is no text, empty texts without `drop_empty`, or bad labels.
    """
    kind = get_task(task)
    dropped: Counter[str] = Counter()
    inputs = _inputs(table, data, kind)
    empty = [row for row, text in enumerate(inputs) if _is_empty(text)]
    left_out = set(empty) if data.drop_empty else set()
    dropped[EMPTY_TEXT] = len(left_out)
    kept = {row: text for row, text in enumerate(inputs) if row not in left_out}
    truths = read_truth(table, kept, data, kind, known=known)
    dropped[OUTSIDE_BINS] = len(kept) - len(truths.labels)
    # A row outside every bin is never used, so its text may well be empty.
    _refuse_empty(table, data, [row for row in empty if row in truths.labels])
    rows = [Row(inputs[r], text_key(inputs[r]), label) for r, label in truths.labels.items()]
    if data.deduplicate:
        rows = _first_of_each(rows, dropped)
    return Rows(tuple(rows), truths.names, +dropped)


def _inputs(table: Table, data: Data, task: Task) -> list[Text]:
    values = table.column(data.text, setting="data.text")
    if task.truth == "tags":
        if data.text_pair is not None:
            raise DataError(
                f"data.text_pair is set, but {task.name} tags the words of one text.",
                remedy="Remove data.text_pair.",
            )
        values = [words_of(table, data.text, row, value) for row, value in enumerate(values)]
        # Words are told apart by spaces from here on, so there is exactly one between two of them.
        return [" ".join(text.split()) for text in _texts(table, data.text, values)]
    texts = _texts(table, data.text, values)
    if data.text_pair is None:
        return list(texts)
    pairs = table.column(data.text_pair, setting="data.text_pair")
    return list(zip(texts, _texts(table, data.text_pair, pairs), strict=True))


def _texts(table: Table, column: str, values: Sequence[Any]) -> list[str]:
    return [_text(table, column, row, value) for row, value in enumerate(values)]


def _text(table: Table, column: str, row: int, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(
            f"{table.origin}: column {column!r} holds {type(value).__name__}, not text ({name_rows([row])}).",
            remedy="Name the column that holds the text in data.text or data.text_pair.",
        )
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"{table.origin}: column {column!r} holds half a surrogate pair ({name_rows([row])}), "
                "which is no character.",
                remedy="Correct the text; an emoji was probably cut in two or escaped wrongly.",
            ) from error
    return value


def _is_empty(text: Text) -> bool:
    return not text.strip() if isinstance(text, str) else not all(part.strip() for part in text)


def _refuse_empty(table: Table, data: Data, rows: list[int]) -> None:
    if rows:
        columns = repr(data.text) if data.text_pair is None else f"{data.text!r} or {data.text_pair!r}"
        raise DataError(
            f"{table.origin}: {len(rows)} of {len(table)} rows have no text in column {columns} "
            f"({name_rows(rows)}).",
            remedy="Correct them, or leave them out with data.drop_empty: true.",
        )


def _first_of_each(rows: Iterable[Row], dropped: Counter[str]) -> list[Row]:
    first: dict[str, Row] = {}
    for row in rows:
        kept = first.setdefault(row.key, row)
        if kept is not row:
            dropped[DUPLICATE_TEXT if kept.label == row.label else CONFLICTING_LABEL] += 1
    return list(first.values())
