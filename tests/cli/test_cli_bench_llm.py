"""`edgekit bench llm` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from edgekit.cli.main import main
from edgekit.errors import DataError, ExportError
from edgekit.export.onnx_decoder import export_onnx_decoder
from edgekit.models.decoders.load import load_decoder
from tests.decoder_examples import SAYINGS, save_decoder

QUICK = ["--prompt", "8", "-n", "4", "--repeats", "2", "-q"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_decoder(tmp_path_factory.mktemp("bench") / "hub")


@pytest.fixture(scope="module")
def exported(hub: Path) -> Path:
    """Its ONNX folder: a process that loads it starts in a fraction of a second."""
    loaded = load_decoder(hub)
    folder = hub.parent / "onnx"
    settings = {"precision": "fp32", "processor": loaded.processor, "stop_ids": loaded.stop_ids}
    export_onnx_decoder(loaded.decoder, folder, name="m", **settings)
    return folder


def call(*words: str | Path) -> str:
    result = CliRunner().invoke(main, ["bench", *map(str, words)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_both_spellings_and_all_figures_as_json(hub: Path, exported: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n\n".join(SAYINGS), encoding="utf-8")
    told = json.loads(
        call("--protocol", "llm", exported, *QUICK, "--against", hub, "--data", texts, "--json")
    )
    (row,) = told["rows"]
    assert row["model"] == str(exported) and row["not_measured"] == ""
    assert row["first_token"][0]["prompt"] == 8 and row["decode"]["median"] > 0
    assert len(row["load_ms"]["samples"]) == 2 and row["peak_bytes"] > 20e6
    assert row["perplexity"] > 1 and abs(row["kl"]) < 1e-5
    assert told["settings"]["tokens"] == 4 and told["bandwidth_bytes_per_s"] > 0
    assert told["environment"]["threads"]["benchmark"] == 1


def test_a_package_beside_a_model_says_why_it_was_not_measured(exported: Path, tmp_path: Path) -> None:
    package = tmp_path / "m.mlpackage"
    package.mkdir()
    shown = call("llm", exported, package, *QUICK)
    assert "of bound" in shown and "peak memory" in shown
    assert f"{package}: not measured: Apple's Core ML runtime exists on macOS only" in shown
    with pytest.raises(ExportError, match="can't be timed here"):
        call("llm", package, *QUICK)


def test_errors_name_what_is_missing(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are none"):
        call("llm", exported, *QUICK, "--against", exported)
    with pytest.raises(DataError, match="prompt of 128"):
        call("llm", exported, "-q")
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    with pytest.raises(DataError, match="holds no text"):
        call("llm", exported, *QUICK, "--data", empty)
    with pytest.raises(click.UsageError, match="--protocol is one of: distilbert, llm"):
        call("--protocol", "mlperf", exported)
    with pytest.raises(click.UsageError, match="data"):
        call("--protocol=distilbert", exported)
