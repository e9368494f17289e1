"""Text files of a named encoding, with errors that say which line can't be read."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from edgekit.errors import DataError

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@contextlib.contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """Opens a file with its line ends untouched; a UTF-8 byte-order mark is no part of the text.

    Raises:
        DataError: the encoding is unknown, or the bytes read in the body are not in it.
    """
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise DataError(
            f"There is no encoding {encoding!r}.",
            remedy="Set data.encoding, for example utf-8, cp1252 or utf-16.",
        ) from error
    try:
        with path.open(encoding="utf-8-sig" if name == "utf-8" else name, newline="") as stream:
            yield stream
    except UnicodeError as error:
        raise _undecodable(path, name) from error


def _undecodable(path: Path, encoding: str) -> DataError:
    raw = path.read_bytes()
    line = ""
    try:
        raw.decode(encoding)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode(encoding, errors="replace")
        line = f" (line {before.count(chr(10)) + 1})"
    marked = next((name for mark, name in _MARKS if raw.startswith(mark)), None)
    guess = f"It starts like {marked}: set data.encoding: {marked}." if marked else ""
    return DataError(
        f"{path.name} is not {encoding} text{line}.",
        remedy=guess
        or "Set data.encoding to the file's own, for example cp1252 or latin-1, or save it as UTF-8.",
    )
