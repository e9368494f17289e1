"""`edgekit verify` against every kind of reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner, Result
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import types
from onnx import numpy_helper
from safetensors.torch import load_file, save_file

from edgekit import api
from edgekit.cli.main import main
from edgekit.quiet import quiet

NETS = """
import torch
from torch import nn

class Norm(nn.Module):
    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-3)

def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 16), Norm(), nn.Linear(16, 4))

def loud():
    made = net()
    made[0].weight.data *= 2000
    return made

def wide(): return nn.Linear(16, 5)
def two(): return nn.Bilinear(16, 16, 4)
def broken(): raise RuntimeError("no weights here")
def number(): return 3
"""


def verify(*words: Any) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, words)], prog_name="edgekit")


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nets") / "nets.py"
    path.write_text(NETS)
    return path


def converted(nets: Path, factory: str) -> Path:
    """What somebody else's script writes: plain coremltools, none of edgekit's metadata."""
    space: dict[str, Any] = {}
    exec(nets.read_text(), space)
    with quiet(), torch.no_grad():
        program = torch.export.export(space[factory]().eval(), (torch.zeros(2, 16),)).run_decompositions({})
        package = ct.convert(
            program,
            minimum_deployment_target=ct.target.iOS17,
            inputs=[ct.TensorType("x", (2, 16))],
            outputs=[ct.TensorType("y")],
            skip_model_load=True,
        )
        package.save(str(nets.parent / f"{factory}.mlpackage"))
    return nets.parent / f"{factory}.mlpackage"


@pytest.fixture(scope="module")
def foreign(nets: Path) -> Path:
    return converted(nets, "net")


@pytest.fixture(scope="module")
def loud(nets: Path) -> Path:
    return converted(nets, "loud")


def test_help_says_how_it_is_executed() -> None:
    said = " ".join(verify("--help").stdout.split())
    assert "executed on any machine" in said and "not device output" in said and "file.py:factory" in said
    assert "is executed on a Mac" not in said and "structure is checked" not in said


def test_a_package_from_elsewhere_against_a_module(foreign: Path, nets: Path) -> None:
    done = verify(foreign, "--against", f"{nets}:net", "-q")
    assert done.exit_code == 0, done.output
    for words in ("coreml fp16", "reference semantics, not device output", "8 rows", "unrounded, 8 rows",
                  "The error is small with and without rounding", "ok   mean cosine"):  # fmt: skip
        assert words in done.stdout


def test_explaining_as_json_with_a_picture(foreign: Path, nets: Path, tmp_path: Path) -> None:
    picture = tmp_path / "trail.svg"
    done = verify(foreign, "--against", f"{nets}:net", "--explain", "--picture", picture, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["passed"] and told["parity"]["unrounded"]["samples"] == 8
    assert told["trail"]["compared"] >= 4 and told["trail"]["divergences"] == []
    assert (
        told["trail"]["points"][0]["module"] == "0" and told["trail"]["points"][0]["reference_error"] < 1e-2
    )
    assert told["picture"] == str(picture) and picture.read_text().startswith("<?xml")


def test_an_overflow_fails_and_is_named(loud: Path, nets: Path, tmp_path: Path) -> None:
    done = verify(loud, "--against", f"{nets}:loud", "--explain", "--picture", tmp_path / "t.png", "-q")
    assert done.exit_code == 9, done.output
    assert "Without rounding the error is" in done.stdout and "the conversion is right" in done.stdout
    assert "FAIL it first departs from the same program unrounded at pow" in done.stdout
    assert "half precision overflows" in done.stdout and "nets.py:7" in done.stdout
    assert "and inf" in done.stdout and "not finite" in done.stdout and "!" in done.stdout
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads(verify(loud, "--against", f"{nets}:loud", "--json").stdout)
    assert told["parity"]["divergence"]["module"] == "1" and not told["passed"]


def test_against_an_onnx_file(foreign: Path, nets: Path, tmp_path: Path) -> None:
    space: dict[str, Any] = {}
    exec(nets.read_text(), space)
    helper, net = onnx.helper, space["net"]()
    held = {
        "a": net[0].weight.T, "b": net[0].bias, "c": net[2].weight.T, "d": net[2].bias,
        "e": torch.tensor(1e-3), "two": torch.tensor(2.0),
    }  # fmt: skip
    nodes = [
        helper.make_node(kind, given.split(), [made], **more)
        for kind, given, made, more in (
            ("MatMul", "x a", "m", {}), ("Add", "m b", "n", {}), ("Pow", "n two", "s", {}),
            ("ReduceMean", "s", "v", {"axes": [-1]}), ("Add", "v e", "w", {}), ("Sqrt", "w", "r", {}),
            ("Div", "n r", "q", {}), ("MatMul", "q c", "o", {}), ("Add", "o d", "y", {}),
        )
    ]  # fmt: skip
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "net",
        [value("x", onnx.TensorProto.FLOAT, [2, 16])], [value("y", onnx.TensorProto.FLOAT, [2, 4])],
        [numpy_helper.from_array(v.detach().numpy(), k) for k, v in held.items()],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, tmp_path / "net.onnx")
    done = verify(foreign, "--against", tmp_path / "net.onnx", "-q")
    assert done.exit_code == 0 and "against net.onnx" in done.stdout, done.output
    made.graph.input.append(value("z", onnx.TensorProto.FLOAT, [2, 16]))
    onnx.save(made, tmp_path / "two.onnx")
    done = verify(foreign, "--against", tmp_path / "two.onnx", "-q")
    assert done.exit_code == 6 and "takes 2 inputs (x, z), the package 1 (x)" in done.stderr


@pytest.mark.parametrize(
    ("reference", "code", "message"),
    [
        ("nowhere", 2, "Path 'nowhere' does not exist"),
        ("nowhere.py:net", 6, "nowhere.py does not exist"),
        ("{nets}:nothing", 6, "has no function 'nothing'"),
        ("{nets}:broken", 6, "broken() of {nets} fails: RuntimeError: no weights here"),
        ("{nets}:number", 6, "number() of {nets} returns int"),
        ("{nets}:wide", 6, "The package gives 1 output of shape [2, 4] (y)"),
        ("{nets}:two", 6, "The reference fails on the package's inputs (float32 [2, 16])"),
    ],
)
def test_references_that_do_not_fit(
    foreign: Path, nets: Path, reference: str, code: int, message: str
) -> None:
    done = verify(foreign, "--against", reference.format(nets=nets), "-q")
    assert done.exit_code == code and message.format(nets=nets) in done.stderr, done.output


def test_given_inputs(foreign: Path, nets: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "good.npz", x=np.ones((2, 16), np.float32))
    done = verify(foreign, "--against", f"{nets}:net", "--inputs", tmp_path / "good.npz", "-q")
    assert done.exit_code == 0 and "1 rows" in done.stdout, done.output
    np.savez(tmp_path / "other.npz", z=np.ones(3))
    done = verify(foreign, "--against", f"{nets}:net", "--inputs", tmp_path / "other.npz", "-q")
    assert done.exit_code == 5 and "holds z; the package takes x" in done.stderr


def test_labelled_rows_need_a_tokenizer(foreign: Path, nets: Path, reviews_csv: Path) -> None:
    done = verify(foreign, "--against", f"{nets}:net", "--data", reviews_csv, "-q")
    assert done.exit_code == 5 and "no edgekit signature" in done.stderr


def test_whole_numbers_that_nothing_bounds(tmp_path: Path, nets: Path) -> None:
    @mb.program(input_specs=[mb.TensorSpec((2,), types.int32)], opset_version=ct.target.iOS17)
    def program(n: Any) -> Any:
        return mb.add(x=mb.cast(x=n, dtype="fp32"), y=np.float32(1), name="y")

    with quiet():
        ct.convert(program, minimum_deployment_target=ct.target.iOS17, skip_model_load=True).save(
            str(tmp_path / "n.mlpackage")
        )
    done = verify(tmp_path / "n.mlpackage", "--against", f"{nets}:net", "-q")
    assert done.exit_code == 5 and "--inputs file.npz" in done.stderr


class TestEdgekitsOwn:
    @pytest.fixture(scope="class")
    def exported(self, tiny_classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        out = tmp_path_factory.mktemp("own") / "out"
        built = api.export_model(tiny_classifier, targets=["coreml", "onnx"], out=out)
        assert not any(b.rejected_because for b in built)
        return out

    def test_both_roundings_and_the_metric_against_onnx(self, exported: Path, reviews_csv: Path) -> None:
        package, other = exported / "coreml/model.mlpackage", exported / "onnx/model.onnx"
        done = verify(package, "--against", other, "--data", reviews_csv, "--json")
        assert done.exit_code == 0, done.output
        parity = json.loads(done.stdout)["parity"]
        assert (parity["samples"], parity["unrounded"]["samples"]) == (300, 200)
        assert parity["metric_drop"] == 0 and parity["unrounded"]["metric_drop"] == 0
        assert parity["unrounded"]["max_abs_error"] <= parity["max_abs_error"] < 0.01

    def test_a_module_over_tokenised_rows(
        self, exported: Path, tiny_classifier: Path, tmp_path: Path
    ) -> None:
        file = tmp_path / "mine.py"
        file.write_text(
            "from transformers import AutoModelForSequenceClassification as M\n"
            f"def make(): return M.from_pretrained({str(tiny_classifier)!r})\n"
        )
        done = verify(exported / "coreml/model.mlpackage", "--against", f"{file}:make", "-q")
        assert done.exit_code == 0 and "64 rows" in done.stdout and "ok   mean cosine" in done.stdout

    def test_another_model_fails_at_its_first_operation(
        self, exported: Path, tiny_classifier: Path, tmp_path: Path
    ) -> None:
        weights = load_file(tiny_classifier / "model.safetensors")
        weights["classifier.weight"] = weights["classifier.weight"] / -4
        for file in tiny_classifier.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
        done = verify(exported / "coreml/model.mlpackage", "--against", tmp_path, "-q")
        assert done.exit_code == 9, done.output
        assert "it first departs from the PyTorch module at linear" in done.stdout
        assert "in classifier (edgekit/models/families/twin.py:" in done.stdout
        assert "a wrong scale: weight is -4 times classifier.weight" in done.stdout
