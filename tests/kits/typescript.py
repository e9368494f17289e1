"""Pinned npm packages, installed into folders outside the project; prints where TypeScript's compiler is.

    python tests/kits/typescript.py

Set EDGEKIT_TOOLS to keep them elsewhere than in ~/.cache/edgekit/tools.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "5.9.3"
MINUTES = 5


class Unavailable(Exception):
    """Node or a package can't be had here; the text says why."""


def compiler() -> list[str]:
    """The command that runs `tsc`; installs it first if it isn't there.

    Raises:
        Unavailable: there is no Node or npm, or npm can't install the compiler.
    """
    modules = installed(f"typescript-{VERSION}", f"typescript@{VERSION}")
    return ["node", str(modules / "typescript" / "bin" / "tsc")]


def installed(folder: str, *packages: str) -> Path:
    """The `node_modules` with these packages, none of whose install scripts was run.

    Args:
        folder: its name among the tools; another one for other packages.
        packages: `name@version`.

    Raises:
        Unavailable: there is no Node or npm, or npm can't install them.
    """
    from filelock import FileLock

    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Unavailable("Node and npm are not on the PATH")
    tools = Path(os.environ.get("EDGEKIT_TOOLS") or Path.home() / ".cache" / "edgekit" / "tools")
    home = tools / folder
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".lock"):
        if not (home / ".done").exists():
            _install(npm, home, packages)
            (home / ".done").touch()
    return home / "node_modules"


def _install(npm: str, home: Path, packages: tuple[str, ...]) -> None:
    (home / "package.json").write_text('{"private": true}\n')
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", *packages]
    names = " ".join(packages)
    try:
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=MINUTES * 60)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"npm did not install {names} in {MINUTES} minutes") from None
    if done.returncode:
        raise Unavailable(f"npm could not install {names}: {done.stderr.strip()[-200:]}")


if __name__ == "__main__":
    try:
        print(" ".join(compiler()))
    except Unavailable as why:
        sys.exit(str(why))
