"""The unpacker on honest archives, and on the attacks that archives are known for."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit.assets.archive import Limits
from edgekit.assets.unpack import unpack
from edgekit.errors import AssetError, DiskFull

MEMBERS = {"pkg/model/config.json": b"{}", "pkg/model/sub/vocab.txt": b"a\nb\n", "pkg/other.txt": b"other"}


def tar(*entries: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            archive.addfile(info, io.BytesIO(entry[1]))
    return packed.getvalue()


def zipped(*entries: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in entries:
            info = zipfile.ZipInfo("placeholder")
            info.filename = info.orig_filename = name  # the constructor would clean it
            info.compress_type = compression
            archive.writestr(info, content)
    return packed.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def attempt(tmp_path: Path, content: bytes, member: str = "pkg", limits: Limits | None = None) -> str:
    """Unpacks hostile bytes; returns why they were refused, having checked that nothing was written."""
    archive = tmp_path / "in" / "hostile.archive"
    archive.parent.mkdir()
    archive.write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(AssetError) as refused:
        unpack(archive, member, tmp_path / "in" / "out", limits=limits)
    assert sorted(tmp_path.rglob("*")) == before
    assert refused.value.remedy
    return refused.value.fact


FORMATS: dict[str, Callable[[], bytes]] = {
    "zip": lambda: zipped(*MEMBERS.items()),
    "zip stored": lambda: zipped(*MEMBERS.items(), compression=zipfile.ZIP_STORED),
    "tar": lambda: tar(*MEMBERS.items()),
    "tar.gz": lambda: gzip.compress(tar(*MEMBERS.items())),
    "tar.bz2": lambda: bz2.compress(tar(*MEMBERS.items())),
    "tar.xz": lambda: lzma.compress(tar(*MEMBERS.items())),
    "tar with ./": lambda: tar(*((f"./{name}", content) for name, content in MEMBERS.items())),
}


@pytest.mark.parametrize("form", FORMATS)
def test_takes_a_folder_or_a_file_and_nothing_else(tmp_path: Path, form: str) -> None:
    archive = tmp_path / "archive.bin"  # told apart by content, not by its name
    archive.write_bytes(FORMATS[form]())
    unpack(archive, "pkg/model/", tmp_path / "folder")
    assert {
        p.relative_to(tmp_path / "folder").as_posix(): p.read_bytes() for p in tmp_path.rglob("folder/**/*.*")
    } == {
        "config.json": b"{}",
        "sub/vocab.txt": b"a\nb\n",
    }
    unpack(archive, "pkg/other.txt", tmp_path / "file.txt")
    assert (tmp_path / "file.txt").read_bytes() == b"other"


def test_links_outside_the_member_are_left_alone(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(tar(special("docs/readme", tarfile.SYMTYPE, "../README"), *MEMBERS.items()))
    unpack(archive, "pkg/other.txt", tmp_path / "other.txt")
    assert (tmp_path / "other.txt").read_bytes() == b"other"


@pytest.mark.parametrize("pack", [tar, zipped])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/cron.d/x", "is absolute"),
        ("pkg/../../escaped", "leaves its folder with '..'"),
        ("..", "leaves its folder with '..'"),
        ("pkg\\..\\escaped", "holds a backslash"),
        ("C:/Windows/x", "starts with a drive letter"),
        ("pkg/" + "d/" * 100, "too deep"),
    ],
)
def test_refuses_names_that_could_land_elsewhere(
    tmp_path: Path, pack: Callable[..., bytes], name: str, reason: str
) -> None:
    assert reason in attempt(tmp_path, pack(("pkg/fine.txt", b"fine"), (name, b"hostile")))


def test_refuses_a_nul_in_a_name(tmp_path: Path) -> None:
    content = zipped(("pkg/model.safetensors", b"x")).replace(
        b"pkg/model.safetensors", b"pkg/model\0safetensors"
    )
    assert "holds a NUL" in attempt(tmp_path, content)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "is a link"),
        (tarfile.LNKTYPE, "is a link"),
        (tarfile.CHRTYPE, "neither a file nor a folder"),
        (tarfile.FIFOTYPE, "neither a file nor a folder"),
        (tarfile.GNUTYPE_SPARSE, "neither a file nor a folder"),
    ],
)
def test_refuses_links_and_devices(tmp_path: Path, kind: bytes, reason: str) -> None:
    assert reason in attempt(tmp_path, tar(special("pkg/x", kind, "/etc/passwd"), ("pkg/x/y", b"z")))


def test_refuses_a_link_in_a_zip(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo("pkg/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert "is a link" in attempt(tmp_path, packed.getvalue())


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("pkg/a", "pkg/a"), "appears twice"),
        (("pkg/a", "pkg/A"), "appears twice"),
        (("pkg/é", "pkg/e\u0301"), "appears twice"),
        (("pkg/a", "pkg/a/b"), "lies below a file"),
        (("pkg/a/b", "pkg/a"), "appears twice"),
    ],
)
def test_refuses_entries_that_overwrite_each_other(
    tmp_path: Path, names: tuple[str, str], reason: str
) -> None:
    assert reason in attempt(tmp_path, tar(*((name, b"x") for name in names)))


def test_refuses_too_many_entries(tmp_path: Path) -> None:
    content = tar(*((f"pkg/{number}", b"") for number in range(11)))
    assert "more than 10 entries" in attempt(tmp_path, content, limits=Limits(entries=10))


SMALL = Limits(total_bytes=1 << 20, ratio=50, small_bytes=1 << 18)
ZEROS = bytes(1 << 19)


@pytest.mark.parametrize(
    "content",
    [
        zipped(("pkg/zeros", ZEROS)),
        gzip.compress(tar(("pkg/zeros", ZEROS))),
        bz2.compress(tar(("pkg/zeros", ZEROS))),
        lzma.compress(tar(("pkg/zeros", ZEROS))),
        gzip.compress(tar(("unrelated/zeros", ZEROS), ("pkg/small", b"x"))),
        gzip.compress(gzip.decompress(gzip.compress(tar(("pkg/small", b"x")))) + ZEROS),
    ],
    ids=["zip", "gz", "bz2", "xz", "outside the member", "after the end"],
)
def test_refuses_an_archive_bomb(tmp_path: Path, content: bytes) -> None:
    assert "archive bomb" in attempt(tmp_path, content, limits=SMALL)


def test_an_entry_that_holds_more_than_its_header_says_is_refused(tmp_path: Path) -> None:
    """A zip whose directory claims 10 bytes for an entry that inflates to half a megabyte."""
    content = bytearray(zipped(("pkg/zeros", ZEROS)))
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    assert "damaged" in attempt(tmp_path, bytes(content), limits=SMALL)


def test_refuses_a_size_in_a_header_above_the_limit_before_writing(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pkg/x")
    info.size = 10**15
    assert "archive bomb" in attempt(tmp_path, info.tobuf(format=tarfile.GNU_FORMAT) + bytes(1024))


def test_refuses_a_total_above_the_limit_whatever_the_ratio(tmp_path: Path) -> None:
    content = tar(("pkg/noise", os.urandom(1 << 19)))
    assert "524.3 kB in all" in attempt(tmp_path, content, limits=Limits(total_bytes=1 << 19))


def test_refuses_a_header_that_must_be_held_in_memory(tmp_path: Path) -> None:
    """A PAX header of 20 MB compresses to 20 kB; tarfile would read it at once."""
    content = gzip.compress(tar(special("pkg/" + "n" * (20 << 20), tarfile.REGTYPE)))
    assert len(content) < 100_000
    assert "more memory than any honest one" in attempt(tmp_path, content)


def test_refuses_a_zip_whose_directory_must_be_held_in_memory(tmp_path: Path) -> None:
    content = zipped(*((f"{number:03}{'n' * 60_000}", b"") for number in range(300)))
    assert "would have to be held in memory" in attempt(tmp_path, content)


def test_refuses_a_negative_size_instead_of_looping(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pkg/x")
    block = bytearray(info.tobuf(format=tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 8 + (-1024).to_bytes(4, "big", signed=True)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    assert "points backwards" in attempt(tmp_path, bytes(block) + bytes(1024), member="other")


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_refuses_a_truncated_archive(tmp_path: Path, form: str, share: float) -> None:
    whole = FORMATS[form]()
    attempt(tmp_path, whole[: int(len(whole) * share)] if form != "tar" else whole[: int(3072 * share)])


def test_refuses_a_bad_header_in_the_middle_instead_of_half_a_folder(tmp_path: Path) -> None:
    content = bytearray(tar(*MEMBERS.items()))
    content[1024 + 10] ^= 0xFF  # the second entry's name, so that its checksum fails
    assert "a header is not valid" in attempt(tmp_path, bytes(content))


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04", b"not an archive" * 100, b"\x1f\x8b\x08"])
def test_refuses_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    assert "damaged or not an archive" in attempt(tmp_path, content)


def test_refuses_an_encrypted_entry(tmp_path: Path) -> None:
    content = bytearray(zipped(("pkg/x", b"secret")))
    for start in (content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8):
        content[start] |= 1
    assert "encrypted" in attempt(tmp_path, bytes(content))


def test_a_missing_member_suggests_a_near_one(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped(*MEMBERS.items()))
    with pytest.raises(AssetError) as missing:
        unpack(archive, "pkg/modle", tmp_path / "out")
    assert "holds nothing at 'pkg/modle'" in missing.value.fact
    assert "'pkg/model'" in missing.value.remedy


def test_not_enough_disk_is_said_before_writing(tmp_path: Path) -> None:
    """The header claims a petabyte, within the limits given here."""
    info = tarfile.TarInfo("pkg/x")
    info.size = 10**15
    archive = tmp_path / "a.tar"
    archive.write_bytes(info.tobuf(format=tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(DiskFull, match=r"Unpacking a\.tar needs"):
        unpack(archive, "pkg", tmp_path / "out", limits=Limits(total_bytes=10**16, small_bytes=10**16))
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]
