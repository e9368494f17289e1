"""The pinned TypeScript compiler, installed by npm into a folder outside the project; prints where it is.

    python tests/kits/typescript.py

Set EDGEKIT_TOOLS to keep it elsewhere than in ~/.cache/edgekit/tools.
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
    """Node or the compiler can't be had here; the text says why."""


def compiler() -> list[str]:
    """The command that runs `tsc`; installs it first if it isn't there.

    Raises:
        Unavailable: there is no Node or npm, or npm can't install the compiler.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Unavailable("Node and npm are not on the PATH")
    tools = Path(os.environ.get("EDGEKIT_TOOLS") or Path.home() / ".cache" / "edgekit" / "tools")
    home = tools / f"typescript-{VERSION}"
    script = home / "node_modules" / "typescript" / "bin" / "tsc"
    if not script.exists():
        _install(npm, home)
    return [node, str(script)]


def _install(npm: str, home: Path) -> None:
    from filelock import FileLock

    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".lock"):
        if (home / ".done").exists():
            return
        (home / "package.json").write_text('{"private": true}\n')
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", f"typescript@{VERSION}"]
        try:
            done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=MINUTES * 60)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"npm did not install typescript {VERSION} in {MINUTES} minutes") from None
        if done.returncode:
            raise Unavailable(f"npm could not install typescript {VERSION}: {done.stderr.strip()[-200:]}")
        (home / ".done").touch()


if __name__ == "__main__":
    try:
        print(" ".join(compiler()))
    except Unavailable as why:
        sys.exit(str(why))
