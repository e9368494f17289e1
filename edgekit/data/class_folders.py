"""Files in one folder per class → a table whose inputs are `data:` URIs (RFC 2397).

An image or a sound travels as its own bytes: its split, its fingerprint and what counts as repeated then
follow from what is in it, as with a text, and not from where a file lay.
"""

from __future__ import annotations

import base64
import mimetypes
import wave
from dataclasses import dataclass
from pathlib import Path

from edgekit.data.folder import ENDINGS as ROWS
from edgekit.data.folder import SPLIT_WORDS, choose
from edgekit.data.table import Table
from edgekit.errors import DataError


@dataclass(frozen=True, slots=True)
class Medium:
    """What the files of a class hold."""

    one: str
    many: str
    endings: tuple[str, ...]
    nested: bool = False  # whether a class's folder may hold folders, of speakers perhaps


MEDIA = {  # data.format → what lies in the folders
    "images": Medium("image", "images", (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")),
    "audio": Medium("sound", "sounds", (".wav", ".flac", ".ogg", ".mp3"), nested=True),
}


def medium_of(path: Path) -> Medium | None:
    """What a folder holds, told by the endings of its files; None where there are files of rows."""
    endings = {file.suffix.lower() for file in path.rglob("*")}
    if not endings.isdisjoint(ROWS):
        return None
    return next((medium for medium in MEDIA.values() if not endings.isdisjoint(medium.endings)), None)


def read_class_folders(path: Path, medium: Medium, *, split: str, column: str, label: str) -> Table:
    """One folder per class, the layout of torchvision's `ImageFolder` and of `datasets`.

    Args:
        path: holds `CLASS/*.png`, or `train/CLASS/*.png` and the like; `CLASS/**/*.wav` of sounds.
        split: which of several splits to read.
        column, label: names of the columns.

    Raises:
        DataError: no such files, or some that lie in no class folder.
    """
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in medium.endings
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not found:
        raise DataError(
            f"The folder {path.name} holds no {medium.many} ({', '.join(medium.endings)}).",
            remedy=f"Give a folder with one folder of {medium.many} for each class.",
        )
    stray = [file for file in found if file.parent == path]
    if stray:
        raise DataError(
            f"{len(stray)} {medium.many} of {path.name} lie in no class folder, {stray[0].name} among them.",
            remedy=f"Put each {medium.one} into a folder named after its class.",
        )
    by_split: dict[str, list[Path]] = {}
    for file in found:
        first, *inner = file.relative_to(path).parts
        word = SPLIT_WORDS.get(first.lower()) if len(inner) > 1 else None
        by_split.setdefault(word or "all", []).append(file)
    chosen = choose(path, list(by_split), split)

    def class_of(file: Path) -> str:
        if not medium.nested:
            return file.parent.name
        return file.relative_to(path).parts[0 if chosen == "all" else 1]

    files = by_split[chosen]
    return Table(
        {column: [_file_uri(file) for file in files], label: [class_of(file) for file in files]}, path.name
    )


def _file_uri(file: Path) -> str:
    if file.suffix.lower() == ".wav" and _has_no_frames(file):
        return ""  # as empty as a text without a word: left out or refused with those
    return data_uri(mimetypes.guess_type(file.name)[0] or "application/octet-stream", file.read_bytes())


def _has_no_frames(file: Path) -> bool:
    try:
        with wave.open(str(file)) as stream:
            return stream.getnframes() == 0
    except (wave.Error, EOFError):
        return False  # whoever decodes it says what is wrong


def data_uri(kind: str, body: bytes) -> str:
    """Bytes of a media type as a URI."""
    return f"data:{kind};base64,{base64.b64encode(body).decode('ascii')}"
