"""JSON lines: one object a line. Python's own parser: it keeps strings that look like dates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgekit.data.table import Table
from edgekit.data.textfile import open_text
from edgekit.errors import DataError


def read_json_lines(path: Path, *, encoding: str) -> Table:
    """Reads one object a line; a key that a row lacks is None there. Blank lines are not rows.

    Raises:
        DataError: a line is not a JSON object (with its number), there are no rows, or the file is not in
            `encoding`.
    """
    columns: dict[str, list[Any]] = {}
    rows = 0
    with open_text(path, encoding) as stream:
        for line, text in enumerate(stream, start=1):
            if not text.strip():
                continue
            for name, value in _object(path, line, text).items():
                column = columns.setdefault(name, [])
                column.extend([None] * (rows - len(column)))
                column.append(value)
            rows += 1
    for column in columns.values():
        column.extend([None] * (rows - len(column)))
    if not columns:
        raise DataError(f"{path.name} holds no rows.", remedy="Give a file with one JSON object a line.")
    return Table(columns, origin=path.name)


def _object(path: Path, line: int, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path.name}, line {line} is not JSON: {error}.",
            remedy="Write one complete JSON object on each line.",
        ) from error
    if not isinstance(value, dict):
        raise DataError(
            f"{path.name}, line {line} holds {type(value).__name__}, not an object.",
            remedy='Write each row as an object on its own line: {"text": "…", "label": "…"}.',
        )
    return value
