"""Table → train, validation, test and calibration rows, with a fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edgekit.data.cut import cut, shuffled
from edgekit.data.read import read_rows
from edgekit.data.rows import CONFLICTING_LABEL, DUPLICATE_TEXT, IN_TEST_SET, OVER_LIMIT, Row, collect
from edgekit.data.table import Table
from edgekit.errors import DataError
from edgekit.recipe.schema import Data
from edgekit.tasks import Task, get_task
from edgekit.types import Split, Splits


def load_splits(
    path: Path, data: Data, *, seed: int, test_path: Path | None = None, task: str = "text-classification"
) -> Splits:
    """Reads a labelled file or folder, and a published test set if there is one, and makes splits of it.

    Of a folder with several splits, `path` gives "train" and `test_path` gives "test".

    Raises:
        DataError, MissingExtra: as `read_rows` and `make_splits` say.
    """
    table = read_rows(path, data)
    test_table = None if test_path is None else read_rows(test_path, data, split="test")
    return make_splits(table, data, seed=seed, test_table=test_table, task=task)


def make_splits(
    table: Table,
    data: Data,
    *,
    seed: int,
    test_table: Table | None = None,
    task: str = "text-classification",
) -> Splits:
    """Cleans, shuffles and cuts rows; no text stands in two splits, and every row is kept or counted.

    Rows are left out in this order: outside the bins, empty, repeated (the first is kept), in the test set,
    beyond `data.limit`. A test table is used whole, apart from empty and repeated rows; then
    `data.split.train` and `.validation` share the other table in their proportion. Calibration rows are the
    first training rows. Only a task with one class a row is stratified.

    Args:
        table: the labelled rows.
        data: columns, labels and cut.
        seed: of the shuffle.
        test_table: a published test split, with the same columns.
        task: says what a label is.

    Raises:
        DataError: a missing column, empty texts, bad labels, one class only, or too few rows for the cut.
    """
    kind = get_task(task)
    found = collect(table, data, task=task)
    dropped = Counter(found.dropped)
    rows: Sequence[Row] = found.rows
    shares = {"train": data.split.train, "validation": data.split.validation, "test": data.split.test}
    test: list[Row] = []
    if test_table is not None:
        judged = collect(test_table, data, task=task, known=found.names)
        if not judged.rows:
            raise DataError(f"{test_table.origin} holds no test rows.", remedy="Check data.test_source.")
        dropped.update({f"test_{reason}": count for reason, count in judged.dropped.items()})
        test = shuffled(judged.rows, seed)
        rows = _without(rows, {row.key for row in test}, dropped)
        whole = data.split.train + data.split.validation
        shares = {"train": data.split.train / whole, "validation": data.split.validation / whole}
    rows = _limited(shuffled(rows, seed), data.limit, dropped)
    _refuse_one_class(table, rows, found.names, data, dropped, kind)
    stratify = data.split.stratify and kind.truth == "class"
    parts = {"test": test, **cut(rows, shares, stratify=stratify, names=found.names)}
    train, validation, judging = (_split(parts[name], kind) for name in ("train", "validation", "test"))
    calibration = _split(parts["train"][: data.calibration_rows], kind)
    cuts = {"train": train, "validation": validation, "test": judging, "calibration": calibration}
    return Splits(
        **cuts,
        unlabelled=Split(inputs=()),
        label_names=found.names,
        fingerprint=fingerprint(cuts, found.names),
        dropped=dict(sorted((+dropped).items())),
    )


def fingerprint(splits: Mapping[str, Split], label_names: Sequence[str]) -> str:
    """Hex sha256 of class names and of every row's split, input and label, in order, as ASCII JSON lines."""
    digest = hashlib.sha256(_line(["edgekit splits 1", list(label_names)]))
    for name, split in splits.items():
        for text, label in zip(split.inputs, split.labels or [None] * len(split), strict=True):
            digest.update(_line([name, text, label]))
    return digest.hexdigest()


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def _split(rows: Iterable[Row], task: Task) -> Split:
    kept = tuple(rows)
    labels = () if task.truth == "nothing" else tuple(row.label for row in kept)
    return Split(tuple(row.input for row in kept), labels)


def _without(rows: Sequence[Row], keys: set[str], dropped: Counter[str]) -> list[Row]:
    left = [row for row in rows if row.key not in keys]
    dropped[IN_TEST_SET] += len(rows) - len(left)
    return left


def _limited(rows: list[Row], limit: int | None, dropped: Counter[str]) -> list[Row]:
    if limit is None or len(rows) <= limit:
        return rows
    dropped[OVER_LIMIT] += len(rows) - limit
    return rows[:limit]


def _refuse_one_class(
    table: Table, rows: Sequence[Row], names: Sequence[str], data: Data, dropped: Counter[str], task: Task
) -> None:
    present = Counter(row.label for row in rows)
    if len(present) > 1 or (task.truth == "nothing" and present):
        return
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted((+dropped).items()))
    left_out = f" (left out: {reasons})" if reasons else ""
    if not present:
        raise DataError(
            f"{table.origin} holds no rows to use{left_out}.", remedy="Check data.source and data.label."
        )
    column = data.label if isinstance(data.label, str) else data.label.column
    [(label, count)] = present.items()
    if task.truth != "class":
        raise DataError(
            f"{table.origin} holds the same label in all {count} rows{left_out}: there is nothing to learn.",
            remedy=f"Check data.label ({column!r}).",
        )
    many = dropped[DUPLICATE_TEXT] + dropped[CONFLICTING_LABEL] > len(rows)
    raise DataError(
        f"{table.origin} holds one class only: {names[label]!r} in all {count} rows{left_out}.",
        remedy=f"Training needs at least two classes in column {column!r}; "
        + (
            f"most texts repeat, so check data.text ({data.text!r})."
            if many
            else "check data.label and the bins."
        ),
    )
