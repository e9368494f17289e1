"""Nothing is ever half-written, and two processes never share a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.errors import DiskFull, RunLocked
from edgekit.files import atomic, folder_lock, human, require_space, sha256_path, write_json


def test_atomic_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    with atomic(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_atomic_folder_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for content in ("one", "two"):
        with atomic(target) as temporary:
            temporary.mkdir()
            (temporary / f"{content}.txt").write_text(content)
    assert [p.name for p in target.iterdir()] == ["two.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_keeps_the_old_file_and_says_what_to_do(tmp_path: Path) -> None:
    target = tmp_path / "weights.bin"
    target.write_bytes(b"old")
    with (
        pytest.raises(DiskFull, match="disk is full") as caught,
        atomic(target),
        Path("/dev/full").open("wb") as full,
    ):
        full.write(b"x" * 100_000)
    assert "Free some space" in caught.value.remedy
    assert target.read_bytes() == b"old"


def test_too_little_space_is_refused_before_work_starts(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=r"needs about 1000000\.0 TB"):
        require_space(tmp_path / "not" / "there", 10**18, purpose="Saving the teacher")


def test_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from edgekit.files import folder_lock\n"
        "with folder_lock(Path(sys.argv[1])):\n    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.raises(RunLocked, match=f"process {holder.pid} on "), folder_lock(tmp_path):
            pass
    finally:
        holder.kill()
        holder.wait()
    with folder_lock(tmp_path):  # the kernel let go of it when the process died
        pass


def test_folder_hash_depends_on_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = sha256_path(tmp_path / "a")
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    assert sha256_path(tmp_path / "a") != first
    write_json(tmp_path / "a" / "x", {"k": 1})
    assert len(sha256_path(tmp_path / "a")) == 64


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (17_600_000, "17.6 MB"), (2e12, "2.0 TB")]
)
def test_human_sizes(count: float, text: str) -> None:
    assert human(count) == text


def test_a_file_written_for_the_owner_alone_gets_the_usual_mode(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with atomic(tmp_path / "weights") as temporary:
        temporary.write_bytes(b"x")
        temporary.chmod(0o600)
    assert (tmp_path / "weights").stat().st_mode == (tmp_path / "usual").stat().st_mode
