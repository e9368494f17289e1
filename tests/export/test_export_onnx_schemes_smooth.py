"""Smoothing changes nothing before rounding, and helps after it where activations have outliers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import small_graphs as small

from edgekit.export.onnx_schemes.carry_out import quantize_onnx
from edgekit.export.onnx_schemes.graph import Graph
from edgekit.export.onnx_schemes.int8_smooth import Largest, smooth, smoothable
from edgekit.export.onnx_schemes.observe import observe
from edgekit.quantize.onnx import plan_onnx, read_weights
from edgekit.types import Artifact

IDS = np.array([[1, 5, 9, 2], [3, 3, 8, 99]])
ROWS = [{"input_ids": list(range(start, start + 20))} for start in range(0, 80, 10)]
NAMES = ("inner.weight", "second.weight", "turned.weight")


def with_outliers() -> dict[str, np.ndarray]:
    """Three inputs of the products are 50 times as large as the others, and their weights small."""
    values = small.weights()
    values["norm.weight"][[3, 17, 40]] *= 50
    for name in NAMES[:2]:
        values[name][[3, 17, 40]] /= 50
    return values


def largest(source: Artifact) -> dict[str, np.ndarray]:
    seen = {"normal": Largest()}
    observe(source.path, {"normal": [seen["normal"]]}, ROWS, source.signature)
    return {name: one.value for name, one in seen.items()}


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("residual", [False, True])
def test_the_model_computes_the_same(tmp_path: Path, residual: bool, alpha: float) -> None:
    source = small.write(tmp_path / "model.onnx", with_outliers(), residual=residual)
    graph = Graph.open(source.path)
    before = graph.array("inner.weight").copy()
    smooth(graph, NAMES, largest(source), alpha=alpha)
    ir.save(graph.finish(), tmp_path / "smooth.onnx")
    assert np.abs(graph.array("inner.weight") - before).max() > 1e-3, "something moved"
    expected = small.run(source.path, IDS)
    assert np.abs(small.run(tmp_path / "smooth.onnx", IDS) - expected).max() < 2e-5 * np.abs(expected).max()
    added = [node.op_type for node in graph.model.graph].count("Mul") - 1
    assert added == int(residual), "where only products read the normalisation, its own scale is divided"
    changed = np.abs(graph.array("norm.weight") - with_outliers()["norm.weight"]).max() > 0
    assert changed != residual


def test_only_what_a_normalisation_made_is_smoothed(tmp_path: Path) -> None:
    graph = Graph.open(small.write(tmp_path / "model.onnx").path)
    assert [smoothable(graph.products(name)[0]) for name in NAMES] == [True, True, False]


def test_scales_by_hand(tmp_path: Path) -> None:
    source = small.write(tmp_path / "model.onnx")
    graph, seen = Graph.open(source.path), largest(source)
    smooth(graph, NAMES, seen, alpha=0.5)
    values = small.weights()
    strongest = np.maximum(np.abs(values["inner.weight"]).max(1), np.abs(values["second.weight"]).max(1))
    scales = np.sqrt(seen["normal"] / strongest)
    assert np.allclose(graph.array("norm.bias"), values["norm.bias"] / scales, rtol=1e-5)
    assert np.allclose(graph.array("inner.weight"), values["inner.weight"] * scales[:, None], rtol=1e-5)


def test_outliers_cost_less(tmp_path: Path) -> None:
    source = small.write(tmp_path / "model.onnx", with_outliers())
    expected, errors = small.run(source.path, IDS), []
    for scheme in ("int8", "int8-smooth"):
        plan = plan_onnx(read_weights(source.path), name="small", target="onnx", scheme=scheme)
        out = quantize_onnx(source, plan, tmp_path / f"{scheme}.onnx", rows=ROWS)
        errors.append(float(np.abs(small.run(out.path, IDS) - expected).mean()))
    assert errors[1] < 0.5 * errors[0]
