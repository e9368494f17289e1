"""The label column in the terms of the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.data.labels import class_ids
from edgekit.data.numbers import numbers
from edgekit.data.several import label_sets, tags
from edgekit.data.table import Table
from edgekit.errors import DataError
from edgekit.recipe.schema import Data, LabelBins
from edgekit.tasks import Task


@dataclass(frozen=True, slots=True)
class Truths:
    """Names in id order (empty when labels have none), and the label of every row that is used.

    A label is a class id, a sorted tuple of ids, a number, a tuple of one tag id a word, or None.
    """

    names: tuple[str, ...]
    labels: Mapping[int, Any]


def read_truth(
    table: Table,
    texts: Mapping[int, Any],
    data: Data,
    task: Task,
    *,
    known: tuple[str, ...] | None = None,
) -> Truths:
    """Labels of rows; a row outside every bin is left out.

    Args:
        table: holds the label column.
        texts: 0-based index → input, of the rows to label.
        data: `label`, `labels` and `label_separator`.
        known: names that are settled: a training set's for its test set, or a model's own.

    Raises:
        DataError: no such column, or a cell that this task can't use.
    """
    rows = list(texts)
    if task.truth == "nothing":
        return Truths((), dict.fromkeys(rows))
    if task.truth == "class":
        classes = class_ids(table, rows, data, known=known)
        found = zip(rows, classes.ids, strict=True)
        return Truths(classes.names, {row: label for row, label in found if label is not None})
    if isinstance(data.label, LabelBins):
        raise DataError(
            f"data.label has bins, which make classes; {task.name} has none.",
            remedy=f"Set data.label to the column itself ({data.label.column}), "
            "or task: text-classification.",
        )
    names: tuple[str, ...] = ()
    labels: Sequence[Any]
    if task.truth == "number":
        labels = numbers(table, rows, data.label)
    elif task.truth == "classes":
        names, labels = label_sets(table, rows, data.label, data, known)
    else:
        names, labels = tags(table, rows, data.label, data, known, texts=list(texts.values()))
    return Truths(names, dict(zip(rows, labels, strict=True)))
