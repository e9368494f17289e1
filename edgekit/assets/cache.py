"""Where fetched files live, and the lock that lets one process at a time fetch each of them.

packages/<sha256>/<file>                 a package file, as published
unpacked/<sha256>/<member>/<name>        a member of that file, beside its manifest
hub/                                     huggingface_hub's own layout
locks/
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from edgekit import files, progress


def cache_dir() -> Path:
    """`$EDGEKIT_CACHE`, else `$XDG_CACHE_HOME/edgekit`, else `~/.cache/edgekit`."""
    if chosen := os.environ.get("EDGEKIT_CACHE"):
        return Path(chosen).expanduser().absolute()
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification: a relative path is invalid and is ignored.
    return (shared if shared.is_absolute() else Path.home() / ".cache") / "edgekit"


def package_folder(sha256: str) -> Path:
    """Folder of one package file."""
    return cache_dir() / "packages" / sha256


def member_folder(sha256: str, member: tuple[str, ...]) -> Path:
    """Folder of what was unpacked from the file with that sha256."""
    return cache_dir() / "unpacked" / sha256 / files.sha256_json(list(member))[:16]


def hub_folder() -> Path:
    """The cache folder given to huggingface_hub."""
    return cache_dir() / "hub"


@contextlib.contextmanager
def lock(key: str, *, purpose: str) -> Iterator[None]:
    """Waits until no other process works on `key`. The kernel drops the lock when its holder dies."""
    from filelock import FileLock, Timeout

    path = cache_dir() / "locks" / f"{key}.lock"
    with files.disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    waiter = FileLock(path)
    try:
        waiter.acquire(timeout=0)
    except Timeout:
        progress.say(f"Waiting for another process: {purpose}")
        waiter.acquire()
    try:
        yield
    finally:
        waiter.release()


def sweep(target: Path) -> None:
    """Removes the half-made folders that a killed process left beside `target`. Hold the lock."""
    for left in target.parent.glob(f".{target.name}.*.tmp*"):
        shutil.rmtree(left)
