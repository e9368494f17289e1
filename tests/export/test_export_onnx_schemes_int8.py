"""int8 products: exact values, the arithmetic of the file when it runs, and the kernels that run it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import small_graphs as small

from edgekit.export.onnx_schemes.carry_out import quantize_onnx
from edgekit.export.onnx_schemes.int8 import one_scale, per_channel, uint8_grid
from edgekit.quantize.onnx import plan_onnx, read_weights
from edgekit.types import Artifact

IDS = np.array([[1, 5, 9, 2], [3, 3, 8, 99]])
ROWS = [{"input_ids": list(range(start, start + 20))} for start in range(0, 80, 10)]


@pytest.fixture
def source(tmp_path: Path) -> Artifact:
    return small.write(tmp_path / "model.onnx")


def made(source: Artifact, scheme: str, **more) -> Artifact:
    options = {key: more.pop(key) for key in ("reduce_range",) if key in more}
    plan = plan_onnx(read_weights(source.path), name="small", target="onnx", scheme=scheme, **options)
    return quantize_onnx(source, plan, source.path.with_name(f"{scheme}.onnx"), **more)


def kernels(path: Path, tmp_path: Path) -> list[str]:
    """The operators that ONNX Runtime runs in the end."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    ort.InferenceSession(path, options)
    return [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]


def test_a_scale_per_channel_by_hand() -> None:
    weight = np.array([[1.27, -0.1], [-0.635, 0.2], [0.0, 0.254]], np.float32)
    codes, scales = per_channel(weight)
    assert np.allclose(scales, [0.01, 0.002])
    assert codes.tolist() == [[127, -50], [-64, 100], [0, 127]] and codes.dtype == np.int8
    codes, scales = per_channel(weight, bits=7)
    assert np.allclose(scales, [1.27 / 64, 0.254 / 64]) and codes.max() == 64
    assert per_channel(np.zeros((2, 2), np.float32))[0].tolist() == [[0, 0], [0, 0]]


def test_one_scale_for_a_table_by_hand() -> None:
    codes, scale, zero = one_scale(np.array([[-0.5, 0.0], [1.0, 2.05]], np.float32))
    assert float(scale) == pytest.approx(0.01) and int(zero) == 50
    assert codes.tolist() == [[0, 50], [150, 255]]
    scale, zero = uint8_grid(1.0, 5.1)
    assert (float(scale), int(zero)) == (pytest.approx(0.02), 0), "0 is always one of the values"
    assert float(uint8_grid(0.0, 0.0)[0]) == 1.0


def rounded_weights(values: dict[str, np.ndarray], *, bits: int = 8) -> dict[str, np.ndarray]:
    found = dict(values)
    for name in ("inner.weight", "second.weight", "turned.weight"):
        turned = name == "turned.weight"
        codes, scales = per_channel(values[name].T if turned else values[name], bits=bits)
        found[name] = (codes * scales).T if turned else codes * scales
    codes, scale, zero = one_scale(values["table.weight"])
    found["table.weight"] = (codes.astype(np.float32) - zero) * scale
    return found


def as_uint8(values: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    scale, zero = (float(part) for part in uint8_grid(*span))
    return (np.clip(np.rint(values / scale) + zero, 0, 255) - zero) * scale


@pytest.mark.parametrize("bits", [8, 7])
def test_dynamic_int8_computes_what_it_says(source: Artifact, bits: int) -> None:
    out = made(source, "int8", reduce_range=bits == 7)
    expected = small.by_hand(
        rounded_weights(small.weights(), bits=bits),
        IDS,
        rounded=lambda x: as_uint8(x, (float(x.min()), float(x.max()))),
    )
    assert np.abs(small.run(out.path, IDS) - expected).max() < 1e-4
    assert np.abs(expected - small.run(source.path, IDS)).max() > 1e-3, "rounding shows"


def test_the_file_holds_int8_and_says_so(source: Artifact) -> None:
    out = made(source, "int8")
    model = onnx.load(out.path)
    stored = {i.name: i.data_type for i in model.graph.initializer}
    assert stored["inner.weight.codes"] == stored["turned.weight.codes"] == onnx.TensorProto.INT8
    assert stored["table.weight.codes"] == onnx.TensorProto.UINT8
    assert not {"inner.weight", "turned.weight", "table.weight"} & set(stored)
    assert "head.weight" in stored and {node.domain for node in model.graph.node} == {""}
    told = {p.key: p.value for p in model.metadata_props}
    assert told["edgekit.precision"] == "int8" and '"inner.weight"' in told["edgekit.plan"]
    assert (out.name, out.precision) == ("small-onnx-int8", "int8") and out.size_bytes < source.size_bytes


@pytest.mark.parametrize("portable", [True, False])
def test_static_int8_computes_what_it_says(source: Artifact, portable: bool) -> None:
    if not portable:  # as a file of ONNX Runtime's operators says that it is one
        model = onnx.load(source.path)
        model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
        onnx.save(model, source.path)
    spans = {"normal": (-3.0, 4.0), "flat": (-5.0, 5.0)}
    out = made(source, "int8-static", spans=spans)
    values = rounded_weights(small.weights())
    if portable:  # a QDQ Gemm's bias is int32, in steps of input times weight
        steps = float(uint8_grid(-5, 5)[0]) * per_channel(small.weights()["turned.weight"].T)[1]
        values["turned.bias"] = np.rint(values["turned.bias"] / steps) * steps
    seen = [spans["normal"], spans["normal"], spans["flat"]]
    expected = small.by_hand(values, IDS, rounded=lambda x: as_uint8(x, seen.pop(0)))
    assert np.abs(small.run(out.path, IDS) - expected).max() < 1e-4
    assert {n.op_type for n in onnx.load(out.path).graph.node if n.domain} == (
        set() if portable else {"MatMulIntegerToFloat"}
    )


def test_onnx_runtime_runs_int8_kernels_and_nothing_in_between(source: Artifact, tmp_path: Path) -> None:
    dynamic = kernels(made(source, "int8").path, tmp_path)
    assert {"DynamicQuantizeMatMul", "MatMulIntegerToFloat"} & set(dynamic)
    assert dynamic.count("MatMul") == 1, "the head"
    static = kernels(made(source, "int8-static", rows=ROWS).path, tmp_path)
    assert static.count("MatMulIntegerToFloat") == 2 and static.count("QGemm") == 1
    for found in (dynamic, static):
        assert "MatMulNBits" not in found and "MatMulInteger" not in found
        assert found.count("DequantizeLinear") == 1, "of the rows that were read from the table"
