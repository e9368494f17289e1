"""A folder as a data set: which of its files belong together, and which split is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from edgekit import progress
from edgekit.errors import DataError

ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
# The words by which the Hub tells splits apart in the names of files and folders.
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
_ALL = "all"


def is_saved(path: Path) -> bool:
    """Whether `datasets`' `save_to_disk` wrote this folder."""
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()


def choose(path: Path, splits: Sequence[str], wanted: str) -> str:
    """The split to read: the only one there is, or `wanted`; says so when others are left out.

    Raises:
        DataError: there are several, and none is called `wanted`.
    """
    if len(splits) == 1:
        return splits[0]
    if wanted not in splits:
        raise DataError(
            f"{path.name} holds the splits {', '.join(splits)}, but no {wanted!r}.",
            remedy="Name one split's own file or folder as the source.",
        )
    others = ", ".join(name for name in splits if name != wanted)
    progress.say(f"{path.name}: reading the split {wanted!r}, not {others}.")
    return wanted


def split_files(path: Path, file_format: str | None, wanted: str) -> list[Path]:
    """The data files of one split of a folder, sorted by path; hidden files are passed over.

    Args:
        path: the folder.
        file_format: "csv", "tsv", "jsonl", "parquet", or None for whichever the folder holds.
        wanted: the split, if file or folder names tell splits apart.

    Raises:
        DataError: no data file, files of several formats, or no such split.
    """
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in ENDINGS
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and (file_format is None or ENDINGS[file.suffix.lower()] == file_format)
    )
    if not files:
        raise DataError(
            f"The folder {path.name} holds no {file_format or 'data'} files.",
            remedy=f"Files ending in {', '.join(ENDINGS)} are read, and folders written by save_to_disk.",
        )
    formats = sorted({ENDINGS[file.suffix.lower()] for file in files})
    if len(formats) > 1:
        raise DataError(
            f"The folder {path.name} holds files of several formats: {', '.join(formats)}.",
            remedy="Set data.format to one of them, or name one file as the source.",
        )
    by_split: dict[str, list[Path]] = {}
    for file in files:
        by_split.setdefault(_split_of(file.relative_to(path)), []).append(file)
    return by_split[choose(path, list(by_split), wanted)]


def _split_of(file: Path) -> str:
    for part in (file.stem, *reversed(file.parts[:-1])):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLIT_WORDS:
                return SPLIT_WORDS[word]
    return _ALL
