"""A planted slow variant and a planted wrong scale are both refused, and the report can say why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgekit import api
from edgekit.files import sha256_path
from edgekit.recipe.schema import Gates
from edgekit.stages.artifacts import Workbench, build_target, verify, why_rejected
from edgekit.stages.store import Store
from edgekit.types import Artifact


@pytest.fixture(scope="module")
def made(tiny_classifier: Path, reviews_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tiny model's bench and its two ONNX artifacts, judged without a clock."""
    out = tmp_path_factory.mktemp("gates")
    model = api.load(tiny_classifier)
    data = api.LabelledFile(reviews_csv)
    bench = api._workbench(model, tiny_classifier, out, data=data, gates=Gates(not_slower=False), threads=1)
    export = api._export_section(target="onnx", precisions=("fp32", "int8"))
    plain, int8 = (built.artifact for built in build_target(bench, export))
    return bench, plain, int8


def planted(artifact: Artifact, path: Path, change: Any) -> Artifact:
    model = onnx.load(artifact.path)
    change(model.graph)
    onnx.save(model, path)
    return replace(artifact, name=path.stem, path=path, sha256=sha256_path(path))


def test_a_planted_slow_variant_is_refused(made: Any, tmp_path: Path) -> None:
    bench, plain, int8 = made

    def slow(graph: Any) -> None:
        """Large products whose result, times zero, is added to the answer."""
        size, output = 512, graph.output[0].name
        for node in graph.node:
            node.output[:] = [f"{name}_fast" if name == output else name for name in node.output]
        square = np.random.default_rng(0).random((size, size), dtype=np.float32)
        start = helper.make_node("Mul", [f"{output}_fast", "zero"], ["nothing"])
        total = helper.make_node("ReduceSum", ["nothing"], ["start"], keepdims=0)
        grown = helper.make_node("Add", ["square", "start"], ["product0"])
        products = [
            helper.make_node("MatMul", [f"product{i}", "square"], [f"product{i + 1}"]) for i in range(8)
        ]
        end = helper.make_node("ReduceSum", ["product8"], ["end"], keepdims=0)
        none = helper.make_node("Mul", ["end", "zero"], ["none"])
        answer = helper.make_node("Add", [f"{output}_fast", "none"], [output])
        graph.node.extend([start, total, grown, *products, end, none, answer])
        graph.initializer.append(numpy_helper.from_array(square / size, "square"))
        graph.initializer.append(numpy_helper.from_array(np.float32(0), "zero"))

    artifact = planted(int8, tmp_path / "slow.onnx", slow)
    strict: Workbench = replace(bench, gates=Gates())
    parity = verify(strict, artifact, replaces=plain)
    failed = [gate for gate in parity.gates if not gate.passed]
    assert [gate.name for gate in failed] == [f"times as fast as {plain.name}"]
    assert failed[0].interval is not None and failed[0].interval.high < 1
    reason = why_rejected(parity)
    assert "times as fast" in reason and "95 %" in reason and "thread" in reason, "value, interval, machine"


def test_a_planted_wrong_scale_is_refused(made: Any, tmp_path: Path) -> None:
    bench, _, int8 = made

    def wrong(graph: Any) -> None:
        scales = [x for x in graph.initializer if x.name.endswith("weight.scales")]
        assert scales
        for scale in scales:
            scale.CopyFrom(numpy_helper.from_array(8 * numpy_helper.to_array(scale), scale.name))

    parity = verify(bench, planted(int8, tmp_path / "wrong.onnx", wrong), replaces=None)
    assert not parity.passed
    assert "mean cosine" in why_rejected(parity)


def test_what_is_rejected_moves_away_unless_it_is_to_be_kept(made: Any, tmp_path: Path) -> None:
    bench, _, _ = made
    export = api._export_section(target="onnx", precisions=("int8",))
    paths = []
    for keep in (False, True):
        gates = Gates(not_slower=False, cosine_int8=1.0, keep_rejected=keep)
        judged = replace(bench, store=Store(tmp_path / str(keep)), folder=tmp_path / str(keep), gates=gates)
        int8 = build_target(judged, export)[-1]
        assert "mean cosine" in int8.rejected_because
        assert int8.artifact.path.is_file()
        paths.append(int8.artifact.path.relative_to(judged.folder).as_posix())
    assert paths == ["rejected/onnx/model_int8.onnx", "onnx/model_int8.onnx"]
