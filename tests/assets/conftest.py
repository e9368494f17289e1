"""A cache of its own for each test, and a package index on this machine that real clients talk to."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("EDGEKIT_CACHE", str(folder))
    return folder


@dataclass
class Index:
    """Serves `files` by path; `stalled` paths send half of their bytes and wait for `go_on`."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    claimed_size: dict[str, int] = field(default_factory=dict)
    stalled: set[str] = field(default_factory=set)
    half_sent: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    def add_python(self, project: str, filename: str, content: bytes) -> str:
        """Publishes a wheel or sdist; returns its sha256."""
        self.files[f"/files/{filename}"] = content
        page = f"/simple/{project}/"
        self.files[page] = self.files.get(page, b"") + f'<a href="/files/{filename}">{filename}</a>'.encode()
        return hashlib.sha256(content).hexdigest()

    def downloads(self, filename: str) -> int:
        return self.asked.count(f"/files/{filename}")


@pytest.fixture
def index(point_pip_at: Callable[[str], None]) -> Iterator[Index]:
    served = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.path = self.path.partition("?")[0]
            served.asked.append(self.path)
            content = served.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header(
                "Content-Type", "text/html" if self.path.startswith("/simple") else "application/json"
            )
            self.send_header("Content-Length", str(served.claimed_size.get(self.path, len(content))))
            for name, value in served.headers.get(self.path, {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "HEAD":
                return
            if self.path in served.stalled:
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                served.half_sent.set()
                served.go_on.wait(30)
                content = content[len(content) // 2 :]
            self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, address: object) -> None:
            return  # a killed client breaks its connection

    server = Server(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    point_pip_at(served.url + "/simple")
    yield served
    served.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def point_pip_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes pip know one index and nothing else."""

    def point(url: str) -> None:
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", url)
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    return point


@pytest.fixture
def tar_gz() -> Callable[[dict[str, bytes]], bytes]:
    """Packs name → content into a tar.gz."""

    def pack(members: dict[str, bytes]) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return packed.getvalue()

    return pack


@pytest.fixture
def wheel() -> Callable[[dict[str, bytes]], bytes]:
    """Packs name → content into a zip."""

    def pack(members: dict[str, bytes]) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return packed.getvalue()

    return pack
