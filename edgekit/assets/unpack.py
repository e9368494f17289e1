"""Takes one member out of an archive, and refuses archives that try to write anywhere else."""

from __future__ import annotations

import difflib
import errno
import re
import unicodedata
from pathlib import Path, PurePosixPath

from edgekit.assets.archive import Entry, Limits, entries, format_errors, refusal
from edgekit.errors import AssetError
from edgekit.files import atomic, require_space

_CHUNK = 1 << 18
_SUGGEST_FROM = 5_000  # names kept for "did you mean"
_NAME_LENGTH = 1_024  # characters
_NAME_DEPTH = 64
_BAD_NAME = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EILSEQ, errno.EINVAL)


def unpack(archive: Path, member: str, destination: Path, *, limits: Limits | None = None) -> None:
    """Writes one member, a file or a whole folder, to `destination`: all of it or nothing.

    Every name in the archive is checked, not only the member's. Links, devices and duplicates are
    refused inside the member; outside it they are never read.

    Args:
        archive: zip, whl, tar, tar.gz, tar.bz2, tar.xz or deb; told apart by content.
        member: path inside the archive.
        destination: file or folder to make.
        limits: bounds on entries, bytes and compression ratio.

    Raises:
        AssetError: the member is missing, or the archive is damaged, unsafe or a bomb.
        DiskFull: not enough space; nothing was written.
    """
    limits = limits or Limits()
    wanted = PurePosixPath(member).parts
    with format_errors(archive), atomic(destination) as staging:
        seen: dict[str, str] = {}  # name as a case-blind file system sees it → kind
        names: list[str] = []
        for count, entry in enumerate(entries(archive, limits), start=1):
            if count > limits.entries:
                raise refusal(archive.name, f"it has more than {limits.entries:,} entries")
            parts = _parts(archive, entry)
            if len(names) < _SUGGEST_FROM:
                names.append("/".join(parts))
            if not parts or parts[: len(wanted)] != wanted:
                continue
            inside = parts[len(wanted) :]
            if _accept(archive, entry, inside, seen):
                _write(archive, entry, staging.joinpath(*inside), is_member=not inside)
        if not staging.exists():
            raise _missing(archive, member, names)


def _parts(archive: Path, entry: Entry) -> tuple[str, ...]:
    """The entry's path without `.`; refuses names that could land elsewhere on any system."""
    name = entry.name
    reason = ""
    if len(name) > _NAME_LENGTH or name.count("/") > _NAME_DEPTH:
        name = name[:40] + "…"
        reason = "is too long or too deep"
    elif "\0" in name:
        reason = "holds a NUL"
    elif "\\" in name:
        reason = "holds a backslash"
    elif re.match(r"[A-Za-z]:", name):
        reason = "starts with a drive letter"
    elif name.startswith("/"):
        reason = "is absolute"
    elif ".." in name.split("/"):
        reason = "leaves its folder with '..'"
    if reason:
        raise refusal(archive.name, f"the entry {name!r} {reason}")
    return PurePosixPath(name).parts


def _accept(archive: Path, entry: Entry, inside: tuple[str, ...], seen: dict[str, str]) -> bool:
    """Whether to write the entry. Refuses links, devices, duplicates and files used as folders."""
    if entry.kind in ("link", "special"):
        what = "a link" if entry.kind == "link" else "neither a file nor a folder"
        raise refusal(archive.name, f"the entry {entry.name!r} is {what}")
    folded = [unicodedata.normalize("NFC", part).casefold() for part in inside]
    for depth in range(len(folded)):
        if seen.get("/".join(folded[:depth])) == "file":
            raise refusal(archive.name, f"the entry {entry.name!r} lies below a file")
        seen.setdefault("/".join(folded[:depth]), "folder")
    key = "/".join(folded)
    if entry.kind == "folder" and seen.get(key, "folder") == "folder":
        seen[key] = "folder"
        return True
    if key in seen:
        raise refusal(archive.name, f"the entry {entry.name!r} appears twice (capital letters ignored)")
    seen[key] = "file"
    return True


def _write(archive: Path, entry: Entry, path: Path, *, is_member: bool) -> None:
    try:
        if entry.kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
            return
        if not is_member:
            path.parent.mkdir(parents=True, exist_ok=True)
        with entry.open() as source, path.open("xb") as target:
            require_space(path.parent, entry.size, purpose=f"Unpacking {archive.name}")
            written = 0
            while data := source.read(_CHUNK):
                target.write(data)
                written += len(data)
    except OSError as error:
        if error.errno not in _BAD_NAME:
            raise
        raise refusal(
            archive.name, f"the entry {entry.name!r} can't be a file here: {error.strerror}"
        ) from error
    if written != entry.size:
        raise refusal(archive.name, f"{entry.name!r} says {entry.size} bytes and holds {written}")


def _missing(archive: Path, member: str, names: list[str]) -> AssetError:
    candidates = {"/".join(PurePosixPath(name).parts[:depth]) for name in names for depth in range(1, 6)}
    close = difflib.get_close_matches(member, sorted(candidates)[:_SUGGEST_FROM], n=3)
    if not close:
        close = sorted({PurePosixPath(name).parts[0] for name in names if name})[:3]
    hint = f"Did you mean {' or '.join(repr(name) for name in close)}?" if close else "The archive is empty."
    return AssetError(f"{archive.name} holds nothing at {member!r}.", remedy=f"Correct `member`. {hint}")
