"""Debian packages: fetched by apt-get itself from a repository on this machine, and opened without dpkg."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit.assets import describe, fetch
from edgekit.assets.archive import Limits
from edgekit.assets.unpack import unpack
from edgekit.errors import AssetError
from edgekit.recipe.schema import Asset

NAME, VERSION = "tiny-sounds", "1:2.0~rc1-3"
MEMBER = ("data.tar.xz", "usr/share/sounds")
FILES = {
    "usr/share/sounds/a.wav": b"RIFFa",
    "usr/share/sounds/digits/1.wav": b"RIFF1",
    "usr/share/doc/x": b"x",
}


def xz_tar(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:xz") as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return made.getvalue()


def ar(members: dict[str, bytes]) -> bytes:
    made = b"!<arch>\n"
    for name, body in members.items():
        made += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(body):<10}`\n".encode()
        made += body + b"\n" * (len(body) % 2)
    return made


def control(version: str = VERSION) -> bytes:
    told = f"Package: {NAME}\nVersion: {version}\nArchitecture: all\nMaintainer: a <a@b.example>\n"
    return f"{told}Description: sounds\n".encode()


def deb(files: dict[str, bytes] = FILES) -> bytes:
    parts = {"control.tar.xz": xz_tar({"control": control()}), "data.tar.xz": xz_tar(files)}
    return ar({"debian-binary": b"2.0\n", **parts})


def asset(body: bytes, **fields) -> Asset:
    sha256 = hashlib.sha256(body).hexdigest()
    plain = {"package": f"debian:{NAME}=={VERSION}", "sha256": sha256, "member": MEMBER}
    return Asset.model_validate(plain | fields)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A flat repository with one package, and apt-get told of nothing else; returns the package."""
    if shutil.which("apt-get") is None:
        pytest.skip("there is no apt-get")
    body = deb()
    place, own = tmp_path / "repository", tmp_path / "apt"
    for folder in (place, own / "lists" / "partial", own / "archives" / "partial", own / "parts"):
        folder.mkdir(parents=True)
    (place / "tiny.deb").write_bytes(body)
    listed = control() + f"Filename: ./tiny.deb\nSize: {len(body)}\n".encode()
    listed += f"SHA256: {hashlib.sha256(body).hexdigest()}\n".encode()
    (place / "Packages.gz").write_bytes(gzip.compress(listed))
    (own / "sources.list").write_text(f"deb [trusted=yes] file:{place} ./\n", encoding="utf-8")
    (own / "status").touch()
    settings = {
        "Dir::Etc::SourceList": own / "sources.list",
        "Dir::Etc::SourceParts": own / "parts",
        "Dir::State::Lists": own / "lists",
        "Dir::State::Status": own / "status",
        "Dir::Cache": own,
        "APT::Sandbox::User": "",
    }
    (own / "apt.conf").write_text("".join(f'{k} "{v}";\n' for k, v in settings.items()), encoding="utf-8")
    monkeypatch.setenv("APT_CONFIG", str(own / "apt.conf"))
    subprocess.run(["apt-get", "update", "-q"], check=True, capture_output=True)
    return body


def test_a_package_comes_through_apt_get_and_is_opened_without_dpkg(repository: bytes) -> None:
    wanted = asset(repository, license="MIT")
    plan = describe(wanted, kind="data")
    assert (plan.cached, plan.what) == (False, f"the package of debian:{NAME}=={VERSION}")
    source = fetch(wanted, kind="data")
    assert {p.relative_to(source.path).as_posix() for p in source.path.rglob("*.wav")} == {
        "a.wav",
        "digits/1.wav",
    }
    assert source.uri == f"debian:{NAME}=={VERSION}!data.tar.xz!usr/share/sounds"
    assert fetch(wanted, kind="data", offline=True) == source
    with pytest.raises(AssetError, match=f"has the sha256 {wanted.sha256}, and 0000"):
        fetch(asset(repository, sha256="0" * 64), kind="data")


def test_another_version_is_told_in_apts_words(repository: bytes) -> None:
    with pytest.raises(AssetError, match=r"could not be fetched: .*Version '9' .* was not found"):
        fetch(asset(repository, package=f"debian:{NAME}==9", sha256="1" * 64), kind="data")


def test_without_apt_get_the_file_itself_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssetError, match="apt-get, which is not installed") as told:
        fetch(asset(deb()), kind="data")
    assert "`path`" in told.value.remedy
    (tmp_path / "some.deb").write_bytes(deb())
    found = fetch(Asset(path=tmp_path / "some.deb", member=MEMBER), kind="data")
    assert (found.path / "a.wav").read_bytes() == b"RIFFa"


@pytest.mark.parametrize(
    "broken",
    [
        deb()[:100],
        deb().replace(b"`\n", b"xx", 2),
        ar({"//": b"long names", "data.tar.xz": b""}),
        ar({"../data.tar.xz": b"x"}),
    ],
)
def test_a_damaged_package_is_refused(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "some.deb").write_bytes(broken)
    with pytest.raises(AssetError, match=r"damaged|says"):
        unpack(tmp_path / "some.deb", "data.tar.xz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_package_that_holds_more_than_it_may_is_a_bomb(tmp_path: Path) -> None:
    (tmp_path / "some.deb").write_bytes(deb())
    with pytest.raises(AssetError, match="archive bomb"):
        unpack(tmp_path / "some.deb", "data.tar.xz", tmp_path / "out", limits=Limits(ratio=0, small_bytes=50))


def test_each_class_has_a_source_of_its_own(
    tmp_path: Path, tar_gz: Callable[[dict[str, bytes]], bytes]
) -> None:
    (tmp_path / "some.deb").write_bytes(deb())
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "b.wav").write_bytes(b"RIFFb")
    classes = {
        "tones": {"path": tmp_path / "some.deb", "member": MEMBER},
        "noise": {"path": tmp_path / "plain"},
    }
    wanted = Asset.model_validate({"classes": classes, "license": "MIT"})
    plan = describe(wanted, kind="data")
    assert plan.cached
    assert plan.what.startswith("2 classes")
    source = fetch(wanted, kind="data")
    held = {p.relative_to(source.path).as_posix(): p.read_bytes() for p in source.path.rglob("*.wav")}
    assert held == {"tones/a.wav": b"RIFFa", "tones/digits/1.wav": b"RIFF1", "noise/b.wav": b"RIFFb"}
    assert (source.license, source) == ("MIT", fetch(wanted, kind="data", offline=True))
    (tmp_path / "plain" / "b.wav").write_bytes(b"RIFFc")
    again = fetch(wanted, kind="data")
    assert again.sha256 != source.sha256
    assert (again.path / "noise" / "b.wav").read_bytes() == b"RIFFc"
    classes["noise"]["path"] = tmp_path / "some.deb"
    with pytest.raises(AssetError, match=r"'noise', .*some\.deb, is a file"):
        fetch(Asset.model_validate({"classes": classes}), kind="data")
