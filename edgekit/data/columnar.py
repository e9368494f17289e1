"""Arrow data: Parquet files and what `datasets` saved. Class ids become the names their schema gives them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit.data.folder import choose
from edgekit.data.table import Table, name_rows
from edgekit.errors import DataError, MissingExtra


def read_parquet(path: Path) -> Table:
    """Reads one Parquet file.

    Raises:
        DataError: the file is damaged or no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
        columns = table.to_pydict()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path.name} can't be read as Parquet: {error}",
            remedy="Copy the file again, or set data.format to what it is.",
        ) from error
    classes = {
        name: names
        for name, names in _hub_classes(table.schema.metadata).items()
        if name in columns and pa.types.is_integer(table.schema.field(name).type)  # not cast or dropped since
    }
    return with_class_names(Table(columns, path.name), classes)


def read_saved(path: Path, split: str) -> Table:
    """Reads a folder written by `datasets`' `save_to_disk`: a set, or one split of a set of splits.

    Raises:
        MissingExtra: `datasets` is not installed.
        DataError: the folder is damaged, or holds several splits and not `split`.
    """
    if importlib.util.find_spec("datasets") is None:
        raise MissingExtra("datasets", extra="data", needed_for=f"Reading the datasets folder {path.name}")
    import datasets

    try:
        found = datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path.name} can't be read as a datasets folder: {error}",
            remedy="Save it again with save_to_disk.",
        ) from error
    if isinstance(found, datasets.DatasetDict):
        found = found[choose(path, [str(name) for name in found], split)]
    # The arrow format applies a selection or shuffle that the folder keeps beside its rows.
    columns = found.with_format("arrow")[:].to_pydict()
    classes = {
        name: kind.names for name, kind in found.features.items() if isinstance(kind, datasets.ClassLabel)
    }
    return with_class_names(Table(columns, path.name), classes)


def with_class_names(table: Table, classes: Mapping[str, Any]) -> Table:
    """Replaces class ids by names; −1, which the Hub writes for "no label", becomes None.

    Raises:
        DataError: an id has no name.
    """
    columns: dict[str, Any] = dict(table.columns)
    for column, names in classes.items():
        ids = columns[column]
        wrong = [row for row, i in enumerate(ids) if i is not None and not -1 <= i < len(names)]
        if wrong:
            raise DataError(
                f"{table.origin}: column {column!r} has {len(names)} classes, but {name_rows(wrong)} "
                f"holds class {ids[wrong[0]]}.",
                remedy="Write the file again from its source; its class names and ids don't belong together.",
            )
        columns[column] = [None if i is None or i == -1 else names[i] for i in ids]
    return Table(columns, table.origin, {column: tuple(names) for column, names in classes.items()})


def _hub_classes(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Class names that the Hub's writers put in a Parquet schema."""
    note = (metadata or {}).get(b"huggingface")
    if note is None:
        return {}
    features = json.loads(note).get("info", {}).get("features", {})
    return {
        name: kind["names"]
        for name, kind in features.items()
        if isinstance(kind, dict) and kind.get("_type") == "ClassLabel" and kind.get("names")
    }
