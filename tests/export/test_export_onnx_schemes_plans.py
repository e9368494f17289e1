"""A plan is carried out, weight by weight, or it fails; every precision of both targets runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import small_graphs as small

from edgekit.errors import ExportError
from edgekit.export.onnx_schemes.blocks import round_to_nearest
from edgekit.export.onnx_schemes.carry_out import MATRICES, TABLES, quantize_onnx, stored
from edgekit.export.onnx_schemes.fp16 import to_fp16
from edgekit.export.onnx_schemes.graph import Graph
from edgekit.export.onnx_schemes.settings import Settings
from edgekit.quantize.onnx import plan_onnx, read_weights
from edgekit.recipe.schema.precisions import ONNX_SCHEMES
from edgekit.types import Artifact, LayerPrecision, Quantized

IDS = np.array([[1, 5, 9, 2], [3, 3, 8, 99]])
ROWS = [{"input_ids": list(range(start, start + 20))} for start in range(0, 80, 10)]
SCHEMES = [name for name in ONNX_SCHEMES if name != "mixed"]


@pytest.fixture
def source(tmp_path: Path) -> Artifact:
    return small.write(tmp_path / "model.onnx")


def plan_of(source: Artifact, scheme: str, **more) -> Quantized:
    return plan_onnx(read_weights(source.path), name="small", target="onnx", scheme=scheme, **more)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_precision_runs_and_is_near(source: Artifact, tmp_path: Path, scheme: str) -> None:
    out = quantize_onnx(source, plan_of(source, scheme), tmp_path / "out.onnx", rows=ROWS)
    got, expected = small.run(out.path, IDS), small.run(source.path, IDS)
    four = "4" in scheme  # of the matrices or of the table
    near = 0.35 if four else 0.05
    assert np.abs(got - expected).mean() < near * np.abs(expected).mean()
    assert out.precision == scheme and out.name == f"small-onnx-{scheme}"
    domains = {node.domain for node in onnx.load(out.path).graph.node}
    assert domains == ({""} if ONNX_SCHEMES[scheme].portable else {"", "com.microsoft"})
    assert onnx.load(out.path).graph.output[0].name == "logits"


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", [8, 4])
def test_block_kernels_compute_what_the_blocks_say(source: Artifact, bits: int, symmetric: bool) -> None:
    plan = plan_of(source, "int8-weights" if bits == 8 else "int4")
    settings = Settings(
        symmetric=symmetric, accuracy_level=0
    )  # fp32 products, so that only weights are rounded
    out = quantize_onnx(source, plan, source.path.with_name("out.onnx"), settings=settings)
    values, shape = small.weights(), {"bits": bits, "size": 32, "symmetric": symmetric}
    for name in ("inner.weight", "second.weight"):
        values[name] = round_to_nearest(values[name], **shape).dequantized()
    values["turned.weight"] = round_to_nearest(values["turned.weight"].T, **shape).dequantized().T
    values["table.weight"] = round_to_nearest(values["table.weight"].T, **shape).dequantized().T
    expected = small.by_hand(values, IDS)
    assert np.abs(small.run(out.path, IDS) - expected).max() < 2e-5 * np.abs(expected).max()


def test_a_weight_that_is_not_there(source: Artifact, tmp_path: Path) -> None:
    layer = LayerPrecision("absent.weight", 8, "per_channel", scheme="int8")
    with pytest.raises(ExportError, match=r"no weight named 'absent\.weight'"):
        quantize_onnx(source, Quantized("x", "onnx", "int8", (layer,)), tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize(("name", "scheme"), [("norm.weight", "int8"), ("table.weight", "int8-static")])
def test_an_entry_that_nothing_carries_out(source: Artifact, tmp_path: Path, name: str, scheme: str) -> None:
    layer = LayerPrecision(name, 8, "per_channel", scheme=scheme)
    with pytest.raises(ExportError, match="stayed in fp32 although the plan stores it"):
        quantize_onnx(source, Quantized("x", "onnx", scheme, (layer,)), tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if ONNX_SCHEMES[name].calibrated])
def test_calibration_without_rows(source: Artifact, tmp_path: Path, scheme: str) -> None:
    with pytest.raises(ExportError, match=f"{ONNX_SCHEMES[scheme].matrix} needs calibration rows"):
        quantize_onnx(source, plan_of(source, scheme), tmp_path / "out.onnx")


def test_each_weight_gets_its_own_scheme(source: Artifact) -> None:
    whole = plan_of(source, "int8")
    layers = [
        replace(layer, scheme="int4", bits=4, granularity="per_block", group_size=16)
        if layer.name == "inner.weight"
        else layer
        for layer in whole.layers
        if layer.name in ("inner.weight", "second.weight")
    ]
    graph = stored(source, layers)
    assert graph.array("inner.weight.codes").shape == (small.OUT, 4, 8)
    assert graph.array("second.weight.codes").dtype == np.int8
    assert graph.has("turned.weight") and graph.has("table.weight")


def test_one_range_per_tensor_however_many_read_it(source: Artifact) -> None:
    layers = [layer for layer in plan_of(source, "int8-static").layers if layer.scheme]
    graph = stored(source, layers, rows=ROWS)
    assert [node.op_type for node in graph.model.graph].count("QuantizeLinear") == 2
    assert graph.has("normal.input_scale") and graph.has("flat.input_scale")


def test_fp16_keeps_its_interface(source: Artifact, tmp_path: Path) -> None:
    out = to_fp16(source, tmp_path / "fp16.onnx")
    model = onnx.load(out.path)
    assert model.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert {i.data_type for i in model.graph.initializer if "." in i.name} == {onnx.TensorProto.FLOAT16}
    expected = small.run(source.path, IDS)
    assert np.abs(small.run(out.path, IDS) - expected).max() < 0.01 * np.abs(expected).max()
    assert (out.precision, out.name) == (
        "fp16",
        "small-onnx-fp16",
    ) and out.size_bytes < source.size_bytes * 0.6


def test_the_table_of_precisions_and_that_of_schemes_agree() -> None:
    for scheme in ONNX_SCHEMES.values():
        if scheme.name != "mixed":
            assert scheme.matrix in MATRICES and scheme.table in TABLES


def test_a_bias_is_found_before_or_behind_the_sum(source: Artifact) -> None:
    graph = Graph.open(source.path)
    inner, second, turned = (graph.products(f"{n}.weight")[0] for n in ("inner", "second", "turned"))
    assert (inner.bias.name, inner.end.op_type) == ("inner.bias", "Add")
    assert second.bias is None and second.end is second.node
    assert turned.bias.name == "turned.bias" and np.array_equal(
        turned.weight, small.weights()["turned.weight"].T
    )
