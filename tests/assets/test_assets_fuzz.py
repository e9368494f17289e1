"""Whatever the bytes: unpacker, header reader and reference parser succeed or raise `AssetError`."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tarfile
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.assets.archive import Limits
from edgekit.assets.checks import check_model
from edgekit.assets.reference import parse_asset
from edgekit.assets.safetensors_header import tensor_names
from edgekit.assets.unpack import unpack
from edgekit.errors import AssetError

LIMITS = Limits(entries=100, total_bytes=1 << 20, ratio=100, small_bytes=1 << 16)
quick = settings(max_examples=300, deadline=None)


def _seeds() -> list[bytes]:
    contents = {"pkg/a.txt": b"hello " * 50, "pkg/sub/b.bin": bytes(range(256)), "c.txt": b"c"}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.pax_headers = {"comment": "x"}
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("pkg/link")
        link.type, link.linkname = tarfile.SYMTYPE, "../../outside"
        tar.addfile(link)
    return [packed.getvalue(), plain.getvalue(), plain.getvalue()[:4096] + bytes(1024)]


SEEDS = _seeds()
edits = st.lists(st.tuples(st.integers(0, 1 << 14), st.binary(min_size=1, max_size=12)), max_size=6)


def unpack_in_a_jail(content: bytes) -> None:
    """Everything lies in one temporary folder; only `jail/in/out` may be new afterwards."""
    with tempfile.TemporaryDirectory() as name:
        jail = Path(name)
        archive = jail / "in" / "archive"
        archive.parent.mkdir()
        archive.write_bytes(content)
        out = jail / "in" / "out"
        with contextlib.suppress(AssetError):
            unpack(archive, "pkg", out, limits=LIMITS)
        outside = {p for p in jail.rglob("*") if p != out and out not in p.parents}
        assert outside == {archive.parent, archive}
        assert not any(p.is_symlink() for p in jail.rglob("*"))


@quick
@given(
    st.binary(max_size=2000),
    st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00"]),
)
def test_random_bytes(content: bytes, magic: bytes) -> None:
    unpack_in_a_jail(magic + content)


@quick
@given(st.sampled_from(SEEDS), edits, st.integers(0, 1 << 14), st.booleans())
def test_mutated_archives(
    seed: bytes, changes: list[tuple[int, bytes]], length: int, compressed: bool
) -> None:
    content = bytearray(seed)
    for place, new in changes:
        start = place % len(content)
        content[start : start + len(new)] = new
    cut = bytes(content[: length % len(content)] if length % 7 == 0 else content)
    unpack_in_a_jail(gzip.compress(cut, 1) if compressed else cut)


HEADER_WORDS = st.sampled_from(
    ["0755 ", "-1", "9" * 11, "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "a\0b"]
)


@quick
@given(st.text(max_size=40), HEADER_WORDS, st.sampled_from("0123456789gxKLSV\0"), st.integers(0, 3))
def test_tar_headers_with_a_right_checksum(name: str, size: str, kind: str, where: int) -> None:
    """Random damage nearly always fails the checksum; these headers pass it."""
    block = bytearray(tarfile.TarInfo("pkg/x").tobuf())
    encoded = (["pkg/", "", "../", "/"][where] + name).encode()[:100]
    block[0:100] = encoded.ljust(100, b"\0")
    block[124:136] = size.encode("latin-1")[:12].ljust(12, b"\0")
    block[156:157] = kind.encode()
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    unpack_in_a_jail(bytes(block) + bytes(5 * 512))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
tensors = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "I8", "Q9"]) | json_values,
        "shape": st.lists(st.integers(-1, 2**40), max_size=3) | json_values,
        "data_offsets": st.lists(st.integers(-1, 64), min_size=2, max_size=2) | json_values,
    }
)


@quick
@given(st.dictionaries(st.text(max_size=5), tensors, max_size=3) | json_values, st.binary(max_size=64))
def test_safetensors_headers(header: object, body: bytes) -> None:
    raw = json.dumps(header).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(len(raw).to_bytes(8, "little") + raw + body)
        with contextlib.suppress(AssetError):
            assert tensor_names(path) == set(header) - {"__metadata__"}  # type: ignore[call-overload]


@quick
@given(
    st.binary(max_size=200),
    st.binary(max_size=200),
    st.sampled_from(["model.safetensors", "m.gguf", "m.bin"]),
)
def test_model_folders(config: bytes, weights: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_bytes(config)
        (Path(folder) / name).write_bytes(weights)
        with contextlib.suppress(AssetError):
            check_model(Path(folder))


@quick
@given(st.text(max_size=60) | st.from_regex(r"(hub|pypi|npm)?:?[a-z/@=#!&]{0,30}", fullmatch=True))
def test_references(text: str) -> None:
    with contextlib.suppress(AssetError):
        assert {"path", "hub", "package"} & parse_asset(text).keys()
