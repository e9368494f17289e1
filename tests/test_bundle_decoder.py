"""`edgekit bundle` of an exported decoder, and everything that keeps its kit from being written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import edgekit
from edgekit.api import decoder_settings, export_decoder
from edgekit.errors import ExportError, GateFailed, ModelError
from edgekit.stages.decoder_bundling import exported_decoders
from tests.decoder_examples import save_decoder
from tests.test_bundle import call


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_decoder(tmp_path_factory.mktemp("decoder") / "tiny-llm")


@pytest.fixture(scope="module")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a file that passed and one that did not."""
    folder = tmp_path_factory.mktemp("exported") / "tiny-llm"
    settings = decoder_settings(steps=2, max_kl=1e-5)
    passed, failed = export_decoder(
        model, targets=["onnxruntime"], precisions=["fp32", "int4"], out=folder, settings=settings
    )
    assert passed.parity.passed and failed.rejected_because
    return folder


def test_a_results_folder_becomes_kits_of_the_file_that_passed(exported: Path, tmp_path: Path) -> None:
    words = ("bundle", exported, "-p", "web", "-p", "android", "--out", tmp_path / "kits", "--json")
    done = call(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for one in json.loads(done.stdout):
        manifest = json.loads((tmp_path / "kits" / one["platform"] / "manifest.json").read_text())
        assert manifest == one["manifest"] and manifest["generation"]["chat"]
        assert manifest["model"]["precision"] == "fp32" and manifest["parity"]["mean_kl"] < 1e-5
        assert len(one["use"]) == 3


def test_a_file_without_a_verdict_is_refused_and_one_is_made_on_request(
    exported: Path, model: Path, tmp_path: Path
) -> None:
    alone = shutil.copytree(exported / "onnxruntime", tmp_path / "alone" / "onnxruntime")
    with pytest.raises(ModelError, match="0 of them verified"):
        edgekit.bundle_model(alone, platforms=["web"])
    [made] = edgekit.bundle_model(alone / "model.onnx", platforms=["web"], against=model, texts=["the cat"])
    assert made.manifest["parity"]["reference"] and made.path == tmp_path / "alone" / "kits" / "web"
    golden = (made.path / "test/generation-golden.txt").read_text().splitlines()
    assert golden[0].startswith(f"prompt {b'the cat'.hex()} ")


def test_a_verdict_on_other_bytes_is_none(exported: Path, tmp_path: Path) -> None:
    own = shutil.copytree(exported, tmp_path / "own")
    with (own / "onnxruntime" / "model.onnx").open("ab") as stream:
        stream.write(b"\x32\x01x")  # another doc_string
    with pytest.raises(ModelError, match="0 of them verified"):
        edgekit.bundle_model(own, platforms=["web"])


def test_a_rejected_decoder_is_refused(exported: Path) -> None:
    [rejected] = exported_decoders(next((exported / "rejected").rglob("genai_config.json")).parent)
    with pytest.raises(GateFailed, match="did not pass"):
        edgekit.bundle_model(rejected.path, platforms=["web"])


def test_a_file_for_another_platform_and_the_ort_form_are_refused(exported: Path) -> None:
    with pytest.raises(ModelError, match="no verified coreml decoder"):
        edgekit.bundle_model(exported, platforms=["swift"])
    with pytest.raises(ExportError, match="no form in ONNX Runtime's own format"):
        edgekit.bundle_model(exported, platforms=["android"], ort=True)
