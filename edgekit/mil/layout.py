"""Where a `.mlpackage` keeps its parts, and whether they can be read without harm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from edgekit.errors import ModelError

DAMAGED = "Copy or convert the package again: it is damaged or was not written completely."
MANIFEST = "Manifest.json"
MAX_MANIFEST_BYTES = 1 << 20
MAX_PROTO_BYTES = (1 << 31) - 1  # protobuf's own limit
APPLE = "com.apple.CoreML"


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one package."""

    program: Path  # a Model proto
    weights: Path | None  # the folder of weight files


def find_parts(path: Path) -> Layout:
    """Reads the manifest of a package folder; a lone proto file is its own program.

    Raises:
        ModelError: there is no such path; it is no package; the manifest is damaged; a part is missing, too
            large for its format, no plain file, or lies outside the package.
    """
    if not path.exists():
        raise ModelError(f"There is no {path}.", remedy="Give the path of a .mlpackage folder.")
    if path.suffix == ".mlmodelc":
        raise ModelError(
            f"{path.name} is compiled for a device and can't be read back.",
            remedy="Give the .mlpackage that it was compiled from.",
        )
    if not path.is_dir():
        if path.is_file() and path.open("rb").read(4) == b"PK\x03\x04":
            raise ModelError(
                f"{path.name} is a zip archive; a .mlpackage is a folder.", remedy="Unpack it first."
            )
        return Layout(_plain(path, path), None)
    _require_inside(path)
    entries, root = _manifest(path)
    weights = next((e for e in entries.values() if e["name"] == "weights" and e["author"] == APPLE), None)
    folder = None if weights is None else _part(path, weights)
    return Layout(_plain(_part(path, entries[root]), path), folder)


def _manifest(path: Path) -> tuple[Mapping[str, Any], str]:
    manifest = path / MANIFEST
    if not manifest.is_file() or manifest.stat().st_size > MAX_MANIFEST_BYTES:
        raise ModelError(
            f"{path.name} can't be read: it has no {MANIFEST} of a plausible size.",
            remedy="Give the folder that coremltools saved, with everything in it.",
        )
    try:
        told = json.loads(manifest.read_bytes())
        entries, root = told["itemInfoEntries"], told["rootModelIdentifier"]
        sound = root in entries and all(
            isinstance(entry[key], str) for entry in entries.values() for key in ("path", "name", "author")
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise ModelError(f"{path.name} can't be read: its {MANIFEST} is no package's.", remedy=DAMAGED)
    return entries, root


def _part(path: Path, entry: Mapping[str, Any]) -> Path:
    place = PurePosixPath(entry["path"])
    if place.is_absolute() or ".." in place.parts or "\0" in entry["path"]:
        raise _outside(path, entry["path"])
    return path / "Data" / place


def _require_inside(path: Path) -> None:
    """Refuses links that leave the package, but for a hub cache's links into its own repository."""
    root = path.resolve()
    # <repository>/snapshots/<commit>/<name> → <repository>/blobs/<hash>
    homes = [root, *(p.parent / "blobs" for p in root.parents if p.name == "snapshots")]
    for entry in path.rglob("*"):
        if entry.is_symlink() and not any(entry.resolve().is_relative_to(home) for home in homes):
            raise _outside(path, entry.relative_to(path).as_posix())


def _outside(path: Path, part: str) -> ModelError:
    return ModelError(
        f"{path.name} refers to a file outside itself: {part[:200]!r}.",
        remedy="Copy the package with its links followed (cp -RL), if you trust where it comes from.",
    )


def _plain(program: Path, path: Path) -> Path:
    if not program.is_file():
        raise ModelError(f"{path.name} lacks its program, {program.name!r}.", remedy=DAMAGED)
    if program.stat().st_size > MAX_PROTO_BYTES:
        raise ModelError(f"{program.name!r} of {path.name} is larger than its format allows.", remedy=DAMAGED)
    return program
