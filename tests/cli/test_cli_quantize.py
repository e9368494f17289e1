"""`edgekit quantize` and `export`: what may be typed, what it means, and what is shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from edgekit.cli.export import compression, plan_lines
from edgekit.cli.main import main
from edgekit.recipe.schema.precisions import ONNX_SCHEMES, SCHEMES
from edgekit.types import LayerPrecision, Quantized

NOTHING = {
    **dict.fromkeys(("max_bytes", "bits", "block_size", "group_size", "calibration", "smoothing")),
    "mix": False,
}
CHOSEN = {**NOTHING, "minimum_deployment_target": "iOS17"}


def test_help_lists_every_precision_and_marks_what_needs_ios_18() -> None:
    text = CliRunner().invoke(main, ["quantize", "--help"]).output
    for scheme in SCHEMES.values():
        line = next(line for line in text.splitlines() if scheme.name in words(line) and " -p " not in line)
        if scheme.name not in ONNX_SCHEMES:
            assert (scheme.minimum in line) == (scheme.minimum == "iOS18"), line
    for name in ONNX_SCHEMES:
        assert any(name in words(line) for line in text.splitlines()), name


def words(line: str) -> list[str]:
    return line.replace(",", " ").split()


def test_commas_repeats_and_mixed() -> None:
    assert compression(("palette6,int8", "int8", " palette4 "), CHOSEN)[0] == ("palette6", "int8", "palette4")
    names, options = compression((), {**CHOSEN, "mix": True, "max_bytes": "6MB", "block_size": 16})
    assert names == ("mixed",) and options["mixed"] == {"max_bytes": "6MB"} and options["block_size"] == 16
    assert compression(("int8-static",), {**CHOSEN, "calibration": "mse"})[1]["calibration"] == "mse"
    with pytest.raises(click.UsageError, match="--max-bytes is for --mixed"):
        compression(("int8",), {**CHOSEN, "max_bytes": "6MB"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-t", "coreml", "-p", "int4"], "int4 needs minimum_deployment_target iOS18, and it is iOS17"),
        (["-t", "coreml", "-p", "palette5"], "'palette5'"),
        (["-t", "onnx", "-p", "int4"], "int4 needs ONNX Runtime's operators; use target onnxruntime"),
        (["-t", "onnxruntime", "-p", "palette6"], "palette6 is for coreml"),
        (["-t", "coreml", "--mixed", "--max-bytes", "much"], "must be a size such as 6MB"),
    ],
)
@pytest.mark.parametrize("command", ["quantize", "export"])
def test_what_cannot_be_is_refused_before_anything_is_read(
    command: str, words: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    done = CliRunner().invoke(main, [command, str(tmp_path / "model"), *words])
    assert done.exit_code == 2, done.output
    assert said in done.output + done.stderr


def test_the_plan_that_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    layers = (
        LayerPrecision(
            "a.weight", 4, "per_block", scheme="int4", sensitivity=0.25, note="blocks of 24: 32 …"
        ),
        LayerPrecision("b.weight", 16, "none", "too sensitive: the budget is met without it"),
        LayerPrecision("b.bias", 16, "none", "a vector"),
    )
    plan_lines(Quantized("m", "coreml", "mixed", layers, seconds=2.5, peak_bytes=700_000_000))
    text = capsys.readouterr().out
    assert "weights: 1 × int4; 2 left as they were" in text
    assert "compressed in 2.5 s; peak memory 700.0 MB" in text
    assert "note a.weight: blocks of 24" in text
    assert "2.5e-01" in text and "b.weight" in text and "b.bias" not in text


@pytest.mark.slow
def test_from_the_command_line_to_a_package(tiny_classifier: Path, reviews_csv: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "edgekit", "quantize", tiny_classifier, "-t", "coreml", "--data", reviews_csv,
        "-p", "palette6", "--metric-drop", "20", "--out", tmp_path / "q", "--json",
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    plain, built = json.loads(done.stdout)["artifacts"]
    assert (plain["artifact"]["precision"], built["artifact"]["precision"]) == ("fp16", "palette6")
    assert built["quantized"]["peak_bytes"] > 50e6 and built["quantized"]["seconds"] > 0
    assert {layer["scheme"] for layer in built["quantized"]["layers"]} == {"", "palette6"}
    assert (tmp_path / "q/coreml/model_palette6.mlpackage").is_dir()
