"""Files → columns of Python values, whatever the format."""

from __future__ import annotations

from pathlib import Path

from edgekit.data.class_folders import MEDIA, medium_of, read_class_folders
from edgekit.data.columnar import read_parquet, read_saved
from edgekit.data.delimited import read_delimited
from edgekit.data.documents import read_documents
from edgekit.data.folder import ENDINGS, is_saved, split_files
from edgekit.data.json_lines import read_json_lines
from edgekit.data.pixel_files import read_pixel_files
from edgekit.data.table import Table
from edgekit.errors import DataError
from edgekit.recipe.schema import Data


def read_rows(path: Path, data: Data, *, split: str = "train") -> Table:
    """Reads a CSV, TSV, JSONL or Parquet file, a folder of such or of images, or one saved by `datasets`.

    Args:
        path: file or folder.
        data: `format`, `columns`, `quoting` and `encoding` say how to read it.
        split: which split to read of a folder that holds several.

    Returns:
        Every column, in file order. CSV and TSV values stay strings.

    Raises:
        DataError: the format is not known, or the file does not follow it (with the line).
        MissingExtra: a folder saved by `datasets` without that package.
    """
    if path.is_dir() and data.format in MEDIA:
        return read_class_folders(path, MEDIA[data.format], split=split, column=data.text, label=_label(data))
    if path.is_dir() and data.format == "pixels":
        return read_pixel_files(path, shape=data.image_shape, image=data.text, label=_label(data))
    if path.is_dir():
        return _read_folder(path, data, split)
    if not path.is_file():
        raise DataError(f"{path} does not exist.", remedy="Check data.source.")
    return _read_file(path, _format_of(path, data), data)


def _read_folder(path: Path, data: Data, split: str) -> Table:
    if data.format in ("auto", "hf") and is_saved(path):
        _no_names(path, data)
        return read_saved(path, split)
    medium = medium_of(path) if data.format == "auto" else None
    if medium is not None:
        return read_class_folders(path, medium, split=split, column=data.text, label=_label(data))
    files = split_files(path, None if data.format in ("auto", "hf") else data.format, split)
    return _joined(path, [_read_file(file, ENDINGS[file.suffix.lower()], data) for file in files])


def _label(data: Data) -> str:
    return data.label if isinstance(data.label, str) else data.label.column


def _joined(path: Path, tables: list[Table]) -> Table:
    first = tables[0]
    for table in tables[1:]:
        if set(table.columns) != set(first.columns) or table.classes != first.classes:
            raise DataError(
                f"Files of {path.name} differ: {first.origin} has the columns {', '.join(first.columns)}; "
                f"{table.origin} has {', '.join(table.columns)}, or other classes.",
                remedy="Make the files alike, or name one of them as the source.",
            )
    columns = {name: [value for table in tables for value in table.columns[name]] for name in first.columns}
    return Table(columns, path.name, first.classes)


def _read_file(path: Path, file_format: str, data: Data) -> Table:
    if file_format in ("csv", "tsv"):
        return read_delimited(
            path,
            delimiter="," if file_format == "csv" else "\t",
            quoting=data.quoting,
            encoding=data.encoding,
            columns=data.columns,
        )
    if file_format == "text":
        return read_documents(path, separator=data.separator, encoding=data.encoding, column=data.text)
    _no_names(path, data)
    return read_parquet(path) if file_format == "parquet" else read_json_lines(path, encoding=data.encoding)


def _format_of(path: Path, data: Data) -> str:
    if data.format in ("hf", "pixels", *MEDIA):
        raise DataError(
            f"{path.name} is a file; data.format: {data.format} means a folder.",
            remedy="Name the folder, or set data.format to the file's own.",
        )
    if data.format != "auto":
        return data.format
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise DataError(
            f"The ending of {path.name} does not tell its format ({', '.join(ENDINGS)} do).",
            remedy="Set data.format to csv, tsv, jsonl or parquet.",
        )
    return ENDINGS[ending]


def _no_names(path: Path, data: Data) -> None:
    if data.columns:
        raise DataError(
            f"data.columns is set, but {path.name} names its own columns.",
            remedy="Remove data.columns; it is for CSV and TSV files without a header row.",
        )
