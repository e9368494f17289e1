"""Writing that loses nothing: hashing, atomic files and folders, disk checks and the folder lock."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgekit.errors import DiskFull, RunLocked

_CHUNK = 1 << 20


# Folders that are one model.
PACKAGES = (".mlpackage", ".aimodel")


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_path(path: Path) -> str:
    """Hex sha256 of a file, or of a folder's relative names and contents in sorted order."""
    if path.is_file():
        return sha256_file(path)
    digest = hashlib.sha256()
    for entry in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(entry.relative_to(path).as_posix().encode() + b"\0" + sha256_file(entry).encode())
    return digest.hexdigest()


def sha256_json(value: Any) -> str:
    """Hex sha256 of a JSON value in canonical form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def size_bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """A fresh temporary name in the same folder, so that a rename stays on one file system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent / f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp{path.suffix}"


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns "no space left" into `DiskFull` with a remedy."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(
            f"The disk is full: {path} could not be written. What was there before is untouched.",
            remedy="Free some space there and run the same command again; it continues.",
        ) from error


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary name for a file *or* folder; renames it to `path` only if the body succeeds.

    A reader sees the old content or the new, never half of it.

    Raises:
        DiskFull: no space was left; `path` keeps its old content.
    """
    temporary = _beside(path)
    try:
        with disk_errors(path):
            yield temporary
            _sync(temporary)
            _share(temporary)
            _replace(temporary, path)
    finally:
        _remove(temporary)


def _sync(path: Path) -> None:
    for entry in [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]:
        with entry.open("rb") as stream:
            os.fsync(stream.fileno())


def _share(path: Path) -> None:
    """Gives files that a library wrote for the owner alone (safetensors does) the user's usual mode."""
    mask = os.umask(0)
    os.umask(mask)
    for entry in [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]:
        if entry.stat().st_mode & 0o777 == 0o600:
            entry.chmod(0o666 & ~mask)


def _replace(temporary: Path, path: Path) -> None:
    if not path.is_dir():
        temporary.replace(path)
        return
    # A folder can't be renamed over another: move the old one aside first, and back if the rename fails.
    aside = _beside(path)
    path.rename(aside)
    try:
        temporary.rename(path)
    except OSError:
        aside.rename(path)
        raise
    _remove(aside)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON atomically, keys in the order given."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Reads UTF-8 JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def require_space(folder: Path, needed: int, *, purpose: str) -> None:
    """Refuses early when fewer than `needed` bytes are free where `folder` will be.

    Raises:
        DiskFull: names both sizes.
    """
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise DiskFull(
            f"{purpose} needs about {human(needed)} in {folder}, and {human(free)} is free.",
            remedy="Free some space, or point --out or EDGEKIT_CACHE at a larger disk.",
        )


def human(count: float) -> str:
    """Bytes for people, in decimal units: `17.6 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Holds a folder for this process. The kernel drops the lock when the process dies, however it dies.

    Raises:
        RunLocked: says which process on which machine holds it, and since when.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".edgekit.lock", timeout=0)
    holder = folder / ".edgekit.holder.json"
    try:
        lock.acquire()
    except Timeout:
        who = "another process"
        with contextlib.suppress(OSError, ValueError, KeyError):
            told = read_json(holder)
            who = f"process {told['pid']} on {told['host']} (since {told['since']})"
        raise RunLocked(
            f"{folder} is in use by {who}.",
            remedy="Wait for it, stop it, or choose another folder with --out.",
        ) from None
    try:
        from datetime import UTC, datetime

        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        write_json(holder, {"pid": os.getpid(), "host": socket.gethostname(), "since": since})
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
