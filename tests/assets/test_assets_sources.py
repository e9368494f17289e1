"""Local paths, hub ids, references on the command line, and where the cache lies."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgekit.assets import cache_dir, describe, fetch, parse_asset
from edgekit.assets.hub import snapshot_arguments
from edgekit.errors import AssetError
from edgekit.files import sha256_path
from edgekit.recipe.schema import Asset

COMMIT = "a" * 40


def test_the_cache_follows_edgekit_then_xdg_then_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"
    monkeypatch.delenv("EDGEKIT_CACHE")
    assert cache_dir() == tmp_path / "xdg" / "edgekit"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_dir() == tmp_path / ".cache" / "edgekit"


def test_a_local_file_is_checked_and_left_where_it_is(tmp_path: Path, cache: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,label\n")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    source = fetch(Asset(path=file, sha256=sha256, license="MIT"), kind="data")
    assert (source.uri, source.sha256, source.path, source.license) == (str(file), sha256, file, "MIT")
    plan = describe(Asset(path=file), kind="data")
    assert (plan.cached, plan.size_bytes, plan.destination) == (True, 11, file)
    assert not cache.exists()
    with pytest.raises(AssetError) as refused:
        fetch(Asset(path=file, sha256="0" * 64), kind="data")
    assert sha256 in refused.value.fact and "0" * 64 in refused.value.fact


def test_a_local_folder_is_known_by_its_content(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "train.csv").write_text("text\n")
    assert fetch(Asset(path=folder), kind="data").sha256 == sha256_path(folder)


@pytest.mark.parametrize("act", [lambda asset: fetch(asset, kind="data"), describe])
def test_a_missing_path_is_said_before_anything_runs(act: Callable[[Asset], Any], tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="does not exist"):
        act(Asset(path=tmp_path / "nowhere.csv"))


def test_members_of_nested_local_archives(
    tmp_path: Path, tar_gz: Callable[[dict[str, bytes]], bytes], wheel: Callable[[dict[str, bytes]], bytes]
) -> None:
    archive = tmp_path / "outer.whl"
    archive.write_bytes(wheel({"data/inner.tar.gz": tar_gz({"rows/a.csv": b"text\n"})}))
    asset = Asset(**parse_asset(f"{archive}!data/inner.tar.gz!rows/a.csv"))
    source = fetch(asset, kind="data")
    assert source.path.read_bytes() == b"text\n" and source.path.name == "a.csv"
    assert source.uri == f"{archive}!data/inner.tar.gz!rows/a.csv"
    assert sorted(p.name for p in source.path.parent.iterdir()) == ["a.csv", "manifest.json"]
    with pytest.raises(AssetError, match="is a folder, and can't hold the next member"):
        fetch(asset.model_copy(update={"member": ("data", "inner.tar.gz")}), kind="data")
    with pytest.raises(AssetError, match="names a path inside an archive"):
        fetch(Asset(path=tmp_path, member="outer.whl"), kind="data")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("hub:org/name@v1.0", {"hub": "org/name", "revision": "v1.0"}),
        ("org/name@abc", {"hub": "org/name", "revision": "abc"}),
        ("hub:org/name@v1!x.gguf", {"hub": "org/name", "revision": "v1", "member": ("x.gguf",)}),
        (
            f"pypi:Some-Thing==1.0#sha256={'0' * 64}!a/model",
            {"package": "pypi:Some-Thing==1.0", "sha256": "0" * 64, "member": ("a/model",)},
        ),
        (
            f"pypi:x==1#sha256={'0' * 64}&distribution=sdist!a.tar.gz!b.txt",
            {
                "package": "pypi:x==1",
                "sha256": "0" * 64,
                "distribution": "sdist",
                "member": ("a.tar.gz", "b.txt"),
            },
        ),
        (f"npm:@scope/x@1.2.3#sha256={'0' * 64}", {"package": "npm:@scope/x@1.2.3", "sha256": "0" * 64}),
    ],
)
def test_references(text: str, fields: dict[str, Any]) -> None:
    assert parse_asset(text) == fields
    Asset(**fields)


def test_an_existing_path_wins_over_every_other_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org").mkdir()
    (tmp_path / "org" / "name@v1").write_text("x")
    assert parse_asset("org/name@v1") == {"path": Path("org/name@v1")}


@pytest.mark.parametrize(
    ("text", "fact", "remedy"),
    [
        ("./nowhere", "not an existing file or folder", "hub:"),
        ("hub:org/name", "names no revision", "hub:org/name@REVISION"),
        ("org/name@", "names no revision", "hub:org/name@REVISION"),
        ("", "not an existing file or folder", "hub:"),
        ("a" * 300, "not an existing file or folder", "hub:"),
        ("~nobody-here/x", "not an existing file or folder", "hub:"),
        ("pypi:x==1", "has no sha256", "pypi:x==1#sha256=HEX"),
        ("pypi:x==1#md5=1", "unknown option 'md5=1'", "sha256"),
        ("pypi:x==1#sha256=0!", "empty path after '!'", "sha256"),
    ],
)
def test_a_reference_that_can_not_be_meant(text: str, fact: str, remedy: str) -> None:
    with pytest.raises(AssetError) as refused:
        parse_asset(text)
    assert fact in refused.value.fact and remedy in refused.value.remedy


def test_a_hub_model_asks_for_safetensors_and_never_for_pickles_or_code(cache: Path) -> None:
    from huggingface_hub.utils import filter_repo_objects

    arguments = snapshot_arguments(Asset(hub="org/tiny", revision="v1"), "model")
    assert (arguments["repo_id"], arguments["revision"], arguments["repo_type"]) == (
        "org/tiny",
        "v1",
        "model",
    )
    assert Path(arguments["cache_dir"]).is_relative_to(cache)
    wanted = [
        "model.safetensors",
        "model-1.safetensors",
        "config.json",
        "tokenizer.json",
        "1_Pooling/config.json",
    ]
    unwanted = ["pytorch_model.bin", "model.pt", "modeling.py", "x.pkl", "onnx/model.onnx", "README.md"]
    kept = filter_repo_objects(wanted + unwanted, allow_patterns=arguments["allow_patterns"])
    assert list(kept) == wanted
    picked = snapshot_arguments(Asset(hub="org/tiny", revision="v1", member="q4.gguf"), "model")
    assert list(filter_repo_objects(["q4.gguf", "q8.gguf"], allow_patterns=picked["allow_patterns"])) == [
        "q4.gguf"
    ]
    assert snapshot_arguments(Asset(hub="org/set", revision="v1"), "data")["repo_type"] == "dataset"


def test_offline_needs_the_hub_files_in_the_cache() -> None:
    asset = Asset(hub="org/tiny", revision="v1")
    assert not describe(asset).cached
    with pytest.raises(AssetError, match=r"hub:org/tiny@v1 is not in the cache .* --offline is set"):
        fetch(asset, kind="model", offline=True)


FETCH = """
import sys
from edgekit.assets import describe, fetch
from edgekit.errors import AssetError
from edgekit.recipe.schema import Asset
asset = Asset(hub="org/tiny", revision="v1")
try:
    source = fetch(asset, kind="model")
except AssetError as error:
    sys.exit(str(error))
print(*sorted(p.name for p in source.path.iterdir()), source.uri, describe(asset).cached)
"""


def test_a_snapshot_from_a_hub_is_fetched_once_then_reused_without_it(index: Any, cache: Path) -> None:
    """huggingface_hub itself, against a server that speaks as much of the hub as it asks for."""
    contents = {
        "config.json": b"{}",
        "model.safetensors": (2).to_bytes(8, "little") + b"{}",
        "pytorch_model.bin": b"\x80\x02",
    }
    listing = [{"type": "file", "path": n, "oid": "0" * 40, "size": len(c)} for n, c in contents.items()]
    told = {"id": "org/tiny", "sha": COMMIT, "siblings": [{"rfilename": name} for name in contents]}
    index.files["/api/models/org/tiny/revision/v1"] = json.dumps(told).encode()
    index.files[f"/api/models/org/tiny/tree/{COMMIT}"] = json.dumps(listing).encode()
    for name, content in contents.items():
        path = f"/org/tiny/resolve/{COMMIT}/{name}"
        index.files[path] = content
        index.headers[path] = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT}

    def run(endpoint: str) -> subprocess.CompletedProcess[str]:
        # Read when huggingface_hub is imported, so a process of its own.
        environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1"}
        return subprocess.run(
            [sys.executable, "-c", FETCH], env=environment, capture_output=True, text=True, timeout=60
        )

    nowhere = run("http://127.0.0.1:9")
    assert nowhere.returncode == 1
    assert "hub:org/tiny@v1 could not be fetched from the hub" in nowhere.stderr
    assert "EDGEKIT_CACHE" in nowhere.stderr
    first = run(index.url)
    assert first.stdout.split() == ["config.json", "model.safetensors", "hub:org/tiny@v1", "True"], (
        first.stderr
    )
    assert not any("pytorch_model.bin" in path for path in index.asked)
    assert run("http://127.0.0.1:9").stdout == first.stdout
