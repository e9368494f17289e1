"""CSV and TSV. Python's own reader: it gives true line numbers, and leaves "NA" and "007" alone."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edgekit.data.table import Table, name_values
from edgekit.data.textfile import open_text
from edgekit.errors import DataError

_LONGEST_FIELD = 2**31 - 1  # characters; the default of 131,072 refuses a long document


def read_delimited(
    path: Path, *, delimiter: str, quoting: bool, encoding: str, columns: Sequence[str] = ()
) -> Table:
    """Reads a delimited file; every value stays a string. Blank lines are not rows.

    Args:
        path: the file.
        delimiter: one character.
        quoting: whether double quotes wrap fields (then a field may hold line ends); else quotes are text.
        encoding: of the bytes.
        columns: names for a file without a header row.

    Raises:
        DataError: a row has more or fewer fields than the header (with its line), a quote never ends, the
            header is missing, given twice or names a column twice, or the file is not in `encoding`.
    """
    with open_text(path, encoding) as stream:
        reader = csv.reader(
            stream,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
            strict=True,  # a stray quote is an error with a line, not a silently mangled text
        )
        records = _records(path, reader, quoting)
        names = _names(path, records, columns)
        values: dict[str, list[Any]] = {name: [] for name in names}
        appends: list[Callable[[Any], None]] = [column.append for column in values.values()]
        for line, record in records:
            if columns and record == names and not any(values.values()):
                raise DataError(
                    f"{path.name}, line {line} is a header row, but data.columns names the columns too.",
                    remedy="Remove data.columns; it is for files without a header row.",
                )
            if len(record) != len(names):
                raise _ragged(path, line, record, names, delimiter, quoting)
            for append, value in zip(appends, record, strict=True):
                append(value)
    return Table(values, origin=path.name)


def _records(path: Path, reader: Any, quoting: bool) -> Iterator[tuple[int, list[str]]]:
    """(line the record starts on, fields) of every line that is not blank."""
    while True:
        line = reader.line_num + 1
        # The limit is one for the whole process: hold it only while this reader advances.
        usual = csv.field_size_limit(_LONGEST_FIELD)
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"{path.name}, line {line}: {_quote_problem(str(error), line, reader.line_num)}.",
                remedy='Write a quote inside quotes twice (""), or set data.quoting: false for plain quotes.'
                if quoting
                else "Correct the line.",
            ) from error
        finally:
            csv.field_size_limit(usual)
        if record is None:
            return
        if record:
            yield line, record


def _quote_problem(message: str, start: int, end: int) -> str:
    if message == "unexpected end of data":
        return "a quoted value starts in this row and never ends"
    where = f" (the row ends on line {end})" if end > start else ""
    return f"{message}{where}"


def _names(path: Path, records: Iterator[tuple[int, list[str]]], columns: Sequence[str]) -> list[str]:
    if columns:
        names = list(columns)
    else:
        _, header = next(records, (0, []))
        names = [name.strip() for name in header]
        if not names:
            raise DataError(f"{path.name} is empty.", remedy="Give a file with a header row and data rows.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"{path.name} names the column {name_values(twice)} more than once.",
            remedy="Give each column its own name, in the header row or in data.columns.",
        )
    return names


def _ragged(
    path: Path, line: int, record: list[str], names: list[str], delimiter: str, quoting: bool
) -> DataError:
    other = {"\t": "csv", ",": "tsv"}.get(delimiter)
    if len(names) == 1 and other:
        remedy = f"If its fields are not separated by {delimiter!r}, set data.format: {other}."
    elif any('"' in value for value in record):
        remedy = f"Correct the line, or set data.quoting: {'false' if quoting else 'true'}."
    else:
        remedy = (
            f"Correct the line: a text that holds {delimiter!r} or a line end needs double quotes around it."
        )
    return DataError(
        f"{path.name}, line {line}: {len(record)} field{'' if len(record) == 1 else 's'} where there are "
        f"{len(names)} columns ({', '.join(names)}).",
        remedy=remedy,
    )
