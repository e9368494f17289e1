"""`edgekit doctor X.mlpackage`."""

import json
import shutil
from pathlib import Path

import coremltools as ct
import numpy as np
import pytest
from click.testing import CliRunner
from coremltools.converters.mil.mil import Builder as mb
from coremltools.models.datatypes import Array
from coremltools.models.neural_network import NeuralNetworkBuilder

from edgekit.cli.main import main
from edgekit.quiet import quiet


def doctor(*words):
    return CliRunner().invoke(main, ["doctor", *map(str, words)], prog_name="edgekit")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """One linear layer in single precision."""

    @mb.program(input_specs=[mb.TensorSpec((1, 64))], opset_version=ct.target.iOS17)
    def program(x):
        return mb.linear(x=x, weight=np.ones((32, 64), np.float32), name="out")

    path = tmp_path_factory.mktemp("package") / "linear.mlpackage"
    with quiet():
        ct.convert(
            program,
            minimum_deployment_target=ct.target.iOS17,
            compute_precision=ct.precision.FLOAT32,
            skip_model_load=True,
        ).save(str(path))
    return path


def test_text(package):
    result = doctor(package)
    assert result.exit_code == 0
    for word in ("May leave the Neural Engine", "float32", "high, Apple", "1 linear", "2,048", "M4",
                 "Lower bounds, not predictions", "typed-execution", "M2, peak"):  # fmt: skip
        assert word in result.stdout


def test_json(package):
    result = doctor(package, "--json")
    told = json.loads(result.stdout)
    found = {one["id"]: one for one in told["findings"]}
    assert found["float32"]["operations"] == {"linear": 1}
    assert found["float32"]["sources"][0]["url"].startswith("https://")
    assert told["target"] == "iOS17" and told["work"][0]["multiply_adds"] == 2048
    by_chip = {one["chip"]["name"]: one for one in told["lower_bounds"]}
    assert by_chip["A16"]["memory_ms"] is None
    assert by_chip["M1"]["at_least_ms"] == by_chip["M1"]["memory_ms"] > by_chip["M1"]["compute_ms"]


def test_an_onnx_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x07")
    result = doctor(path)
    assert result.exit_code == 6
    assert "is an ONNX file" in result.stderr and "--target coreml" in result.stderr


def test_a_damaged_package(package, tmp_path):
    copy = Path(shutil.copytree(package, tmp_path / "copy.mlpackage"))
    program = next(copy.rglob("*.mlmodel"))
    program.write_bytes(program.read_bytes()[:100])
    result = doctor(copy)
    assert result.exit_code == 6
    assert "can't be read" in result.stderr and "damaged" in result.stderr


def test_an_old_neural_network(tmp_path):
    builder = NeuralNetworkBuilder([("x", Array(4))], [("y", Array(4))])
    builder.add_activation("relu", "RELU", "x", "y")
    with quiet():
        ct.models.MLModel(builder.spec, skip_model_load=True).save(str(tmp_path / "old.mlmodel"))
    result = doctor(tmp_path / "old.mlmodel")
    assert result.exit_code == 6
    assert "neuralNetwork" in result.stderr and 'convert_to="mlprogram"' in result.stderr


@pytest.mark.parametrize(
    ("words", "message"), [(["--length", "8"], "goes with a PACKAGE"), (["nowhere"], "does not exist")]
)
def test_wrong_usage(words, message):
    result = doctor(*words)
    assert result.exit_code == 2 and message in result.stderr


def test_a_length_for_fixed_shapes(package):
    result = doctor(package, "--length", "8")
    assert result.exit_code == 6 and "fixed shapes" in result.stderr
