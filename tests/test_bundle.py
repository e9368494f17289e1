"""`edgekit bundle`: kits of an exported file, and everything that keeps one from being written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit
from edgekit.errors import DataError, ExportError, GateFailed, ModelError
from edgekit.recipe.schema import Gates

PLATFORMS = ("swift", "android", "web")


def call(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgekit", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, tiny_classifier: Path) -> Path:
    """A results folder that `edgekit export` made."""
    folder = tmp_path_factory.mktemp("exported") / "films"
    edgekit.export_model(tiny_classifier, targets=["onnx", "coreml"], out=folder)
    return folder


@pytest.fixture
def own(exported: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(exported, tmp_path / "films"))


def test_every_platform_gets_the_file_that_passed(exported: Path, tmp_path: Path) -> None:
    words = [word for platform in PLATFORMS for word in ("-p", platform)]
    done = call("bundle", exported, *words, "--out", tmp_path / "kits", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [one["platform"] for one in told] == list(PLATFORMS)
    for one in told:
        manifest = json.loads((tmp_path / "kits" / one["platform"] / "manifest.json").read_text())
        assert manifest == one["manifest"]
        assert manifest["model"]["target"] == ("coreml" if one["platform"] == "swift" else "onnx")
        assert manifest["parity"]["samples"] > 0 and manifest["tokenizer"]["kind"] == "wordpiece"
        assert len(one["use"]) == 3 and any("films" in line.lower() for line in one["use"])


def test_kits_lie_in_the_results_folder_and_are_replaced_whole(own: Path) -> None:
    file = own / "onnx" / "model.onnx"
    [first] = edgekit.bundle_model(file, platforms=["android"], licences={"model": "MIT"})
    assert first.path == own / "kits" / "android" and first.manifest["licences"]["model"] == "MIT"
    (first.path / "left-over").touch()
    [second] = edgekit.bundle_model(own, platforms=["android"], texts=["So gut!"])
    assert not (second.path / "left-over").exists()
    samples = next(second.path.rglob("samples.txt")).read_text(encoding="ascii")
    assert samples.split("\n")[1].startswith("." + b"So gut!".hex())


def test_a_file_without_a_verdict_is_refused_and_one_is_made_on_request(
    exported: Path, tiny_classifier: Path, tmp_path: Path
) -> None:
    alone = shutil.copytree(exported / "onnx", tmp_path / "alone")
    with pytest.raises(ModelError, match="not known"):
        edgekit.bundle_model(alone / "model.onnx", platforms=["android"])
    [made] = edgekit.bundle_model(alone / "model.onnx", platforms=["android"], against=tiny_classifier)
    assert made.manifest["parity"]["reference"] == tiny_classifier.name
    assert made.path == alone / "kits" / "android"


def test_a_file_that_changed_since_it_was_verified_is_refused(own: Path) -> None:
    import onnx

    path = own / "onnx" / "model.onnx"
    model = onnx.load(path)
    model.doc_string = "another"
    onnx.save(model, path)
    with pytest.raises(ModelError, match="no verdict on these bytes"):
        edgekit.bundle_model(path, platforms=["android"])
    with pytest.raises(ModelError, match="no verified onnx"):
        edgekit.bundle_model(own, platforms=["android"])


def test_a_rejected_file_is_refused(tiny_classifier: Path, tmp_path: Path) -> None:
    gates = Gates(max_abs_error_fp32=1e-12)
    [built] = edgekit.export_model(tiny_classifier, targets=["onnx"], gates=gates, out=tmp_path / "out")
    assert built.rejected_because
    with pytest.raises(GateFailed, match="did not pass"):
        edgekit.bundle_model(built.artifact.path, platforms=["android"])
    with pytest.raises(ModelError, match=r"0 of them passed"):
        edgekit.bundle_model(tmp_path / "out", platforms=["android"])
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_file_for_another_platform_is_refused(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="a kit for swift carries coreml"):
        edgekit.bundle_model(exported / "onnx" / "model.onnx", platforms=["swift"], out=tmp_path)


def test_what_is_no_kit_is_not_replaced(own: Path) -> None:
    precious = own / "kits" / "android" / "work.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("mine")
    with pytest.raises(ExportError, match="is no kit"):
        edgekit.bundle_model(own, platforms=["android"])
    assert precious.read_text() == "mine"


def test_texts_that_can_not_be_read_are_refused(own: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("Für alle".encode("latin-1"))
    (tmp_path / "empty.txt").write_text("\n\n")
    for name, fact in (("latin.txt", "not UTF-8"), ("empty.txt", "holds no text")):
        done = call("bundle", own, "-p", "android", "--texts", tmp_path / name, cwd=tmp_path)
        assert done.returncode == DataError.exit_code and fact in done.stderr
    done = call("bundle", own, "-p", "androit", cwd=tmp_path)
    assert done.returncode == 2 and "'androit' is not one of" in done.stderr
    done = call("bundle", own, "-p", "android", "--license", "MIT", cwd=tmp_path)
    assert done.returncode == 2 and "WHAT=SPDX" in done.stderr
