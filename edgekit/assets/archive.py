"""Reads zip, tar and deb archives as a stream of entries, never trusting what they say about themselves.

Bytes are counted as they are decompressed, and no header can make a reader hold more than a fixed amount.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from edgekit.errors import AssetError
from edgekit.files import human

_MAX_DIRECTORY = 16 << 20  # bytes of a zip's directory
_MAX_HEADER = 1 << 20  # bytes of a tar's extended header, and of one read
_XZ_MEMORY = 256 << 20
_AR = b"!<arch>\n"  # a .deb, see deb(5)
_AR_HEADER = 60  # bytes: name 16, time 12, owner 6, group 6, mode 8, size 10, end 2
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    IndexError,
    NotImplementedError,
    RuntimeError,  # zipfile: an encrypted entry
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may ask for.

    `ratio` is decompressed over compressed bytes. Text in a tar seldom passes 30; deflate can reach 1,030
    and xz far more. Archives that stay below `small_bytes` may have any ratio.
    """

    entries: int = 100_000
    total_bytes: int = 32 << 30
    ratio: int = 200
    small_bytes: int = 64 << 20


class Readable(Protocol):
    """The one method that extraction needs."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Its stream is valid until the next entry is asked for."""

    name: str  # as written in the archive
    kind: Literal["file", "folder", "link", "special"]
    size: int  # as the archive claims, in bytes
    open: Callable[[], contextlib.AbstractContextManager[Readable]]


class Budget:
    """Counts decompressed bytes, and refuses an archive that yields more than its limits allow."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        self._archive = archive.name
        packed = archive.stat().st_size
        self._allowed = min(limits.total_bytes, max(limits.ratio * packed, limits.small_bytes))
        self._why = (
            f"{human(limits.total_bytes)} in all"
            if self._allowed == limits.total_bytes
            else f"{limits.ratio} times its {human(packed)}, or {human(limits.small_bytes)}"
        )
        self._spent = 0

    def claim(self, count: int) -> None:
        """Refuses before reading when an entry says that it holds more than is left."""
        if count < 0 or self._spent + count > self._allowed:
            raise self._bomb()

    def spend(self, count: int) -> None:
        """Counts bytes that were really decompressed."""
        self._spent += count
        if self._spent > self._allowed:
            raise self._bomb()

    def _bomb(self) -> AssetError:
        return refusal(self._archive, f"it unpacks to more than {self._why} (an archive bomb)")


def refusal(archive: str, reason: str) -> AssetError:
    """The error for an archive that is not safe to unpack."""
    return AssetError(
        f"{archive} is refused: {reason}. Nothing was unpacked.",
        remedy="Use an archive that you trust, or unpack it yourself and give the path of its contents.",
    )


@contextlib.contextmanager
def format_errors(archive: Path) -> Iterator[None]:
    """Turns what the decoders raise on bad bytes into an `AssetError`; real I/O errors pass."""
    try:
        yield
    except (*_DAMAGED, OSError) as error:
        # Decoders also raise OSError, without a number (gzip, bz2) or EINVAL (a seek before the start).
        if isinstance(error, OSError) and error.errno not in (None, 22):
            raise
        raise AssetError(
            f"{archive.name} is damaged or not an archive: {error or type(error).__name__}.",
            remedy="Delete it and fetch it again. Formats: zip, whl, tar, tar.gz, tar.bz2, tar.xz, deb.",
        ) from error


def entries(archive: Path, limits: Limits) -> Iterator[Entry]:
    """Yields every entry of a zip, tar or Debian archive in order, telling the format by its first bytes.

    Raises:
        AssetError: not such an archive, damaged, encrypted, or a bomb.
    """
    budget = Budget(archive, limits)
    with _CappedFile(archive) as raw:
        start = raw.read(len(_AR))
        raw.seek(0)
        if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            yield from _zip_entries(raw, budget)
            return
        if start == _AR:
            yield from _ar_entries(raw, budget)
            return
        stream: Any = raw
        if start[:2] == b"\x1f\x8b":
            stream = gzip.GzipFile(fileobj=raw, mode="rb")
        elif start[:3] == b"BZh":
            stream = bz2.BZ2File(raw, mode="rb")
        elif start[:6] == b"\xfd7zXZ\x00":
            stream = _Xz(raw)
        yield from _tar_entries(_Forward(stream, archive.name, budget), budget)


class _CappedFile(io.FileIO):
    """A file that refuses to be read in one huge piece, whatever size a header claims."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._archive = path.name
        self._length = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._length - self.tell() if size is None or size < 0 else min(size, self._length)
        if wanted > _MAX_DIRECTORY:
            raise refusal(self._archive, f"a header of {human(wanted)} would have to be held in memory")
        return super().read(size) or b""


class _Xz:
    """One xz stream with a bound on the decoder's memory, which lzma.LZMAFile can't be given."""

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self._decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def read(self, size: int, /) -> bytes:
        while not self._decoder.eof:
            packed = self._raw.read(1 << 16) if self._decoder.needs_input else b""
            if self._decoder.needs_input and not packed:
                raise EOFError("the xz stream ends early")
            if data := self._decoder.decompress(packed, max_length=size):
                return data
        return b""


class _Forward:
    """What tarfile needs of a file, over a stream that only goes forward.

    A header with a negative size makes tarfile seek back and loop for ever (CVE-2025-8194); here it can't.
    """

    def __init__(self, stream: Readable, archive: str, budget: Budget) -> None:
        self._stream = stream
        self._archive = archive
        self._budget = budget
        self._position = 0
        self.last_block = b""  # the last header-sized read, to see how the archive ends

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _MAX_HEADER:
            raise refusal(self._archive, "a header asks for more memory than any honest one")
        parts = []
        while size > 0 and (data := self._stream.read(size)):
            self._budget.spend(len(data))
            self._position += len(data)
            size -= len(data)
            parts.append(data)
        self.last_block = b"".join(parts)
        return self.last_block

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = 0, /) -> int:
        if whence != 0 or position < self._position:
            raise refusal(self._archive, "a header points backwards")
        while self._position < position and self.read(min(position - self._position, _MAX_HEADER)):
            pass
        return self._position


def _tar_entries(stream: _Forward, budget: Budget) -> Iterator[Entry]:
    # "r:" and not "r|": the pipe mode reads whatever a header claims into memory at once.
    with tarfile.open(fileobj=stream, mode="r:", errorlevel=2) as tar:  # type: ignore[call-overload]
        while (info := tar.next()) is not None:
            if info.issym() or info.islnk():
                kind: Literal["file", "folder", "link", "special"] = "link"
            elif info.isdir():
                kind = "folder"
            else:
                kind = "file" if info.isreg() and not info.issparse() else "special"
            yield Entry(info.name, kind, info.size, _tar_opener(tar, info, budget))
            tar.members.clear()  # tarfile remembers every entry; memory would grow with the archive
    if stream.last_block.strip(b"\0") or not stream.last_block:
        # tarfile takes a bad header after the first as the end, and would leave half a folder.
        raise tarfile.ReadError("a header is not valid, or the end is missing")
    while stream.read(_MAX_HEADER):  # to the end, so that the compressor's checksum is compared
        pass


def _tar_opener(
    tar: tarfile.TarFile, info: tarfile.TarInfo, budget: Budget
) -> Callable[[], contextlib.AbstractContextManager[Readable]]:
    def opened() -> contextlib.AbstractContextManager[Readable]:
        budget.claim(info.size)
        stream = tar.extractfile(info)
        if stream is None:
            raise tarfile.ReadError(f"{info.name!r} holds no data")
        return contextlib.closing(stream)

    return opened


class _Counted:
    """Spends the budget on what an entry of a zip yields."""

    def __init__(self, stream: Any, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget

    def read(self, size: int, /) -> bytes:
        data: bytes = self._stream.read(size)
        self._budget.spend(len(data))
        return data

    def close(self) -> None:
        self._stream.close()


def _ar_entries(raw: io.FileIO, budget: Budget) -> Iterator[Entry]:
    position = len(_AR)
    while raw.seek(position) == position and (header := raw.read(_AR_HEADER)):
        if len(header) != _AR_HEADER or header[58:] != b"`\n":
            raise ValueError("an ar header is damaged")
        size = int(header[48:58])
        if size < 0 or b"/" in header[:16].rstrip(b"/ ") or header.startswith((b"/", b"#")):
            raise ValueError("an ar header is not as in a Debian package")
        start = position + _AR_HEADER
        name = header[:16].decode("ascii").rstrip("/ ")
        yield Entry(name, "file", size, _ar_opener(raw, start, size, budget))
        position = start + size + size % 2


def _ar_opener(
    raw: io.FileIO, start: int, size: int, budget: Budget
) -> Callable[[], contextlib.AbstractContextManager[Readable]]:
    def opened() -> contextlib.AbstractContextManager[Readable]:
        budget.claim(size)
        raw.seek(start)
        return contextlib.nullcontext(_Counted(_Slice(raw, size), budget))

    return opened


class _Slice:
    """The next bytes of a file, and none behind them."""

    def __init__(self, raw: Readable, size: int) -> None:
        self._raw, self._left = raw, size

    def read(self, size: int, /) -> bytes:
        data = self._raw.read(min(size, self._left))
        self._left -= len(data)
        return data


def _zip_entries(raw: io.FileIO, budget: Budget) -> Iterator[Entry]:
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            # zipfile cuts a name at its first NUL; the name as written shows the attempt.
            yield Entry(
                info.orig_filename, _zip_kind(info), info.file_size, _zip_opener(archive, info, budget)
            )


def _zip_kind(info: zipfile.ZipInfo) -> Literal["file", "folder", "link", "special"]:
    form = stat.S_IFMT(info.external_attr >> 16)
    if form == stat.S_IFLNK:
        return "link"
    if info.is_dir() or form == stat.S_IFDIR:
        return "folder"
    return "file" if form in (0, stat.S_IFREG) else "special"


def _zip_opener(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget
) -> Callable[[], contextlib.AbstractContextManager[Readable]]:
    def opened() -> contextlib.AbstractContextManager[Readable]:
        # zipfile's LZMA takes its memory from the entry's header, without a bound.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
            raise NotImplementedError(f"compression method {info.compress_type} is not supported")
        budget.claim(info.file_size)
        return contextlib.closing(_Counted(archive.open(info), budget))

    return opened
