"""What is wrong is refused: planted wrong weights, a planted slow copy, a loss of accuracy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgekit import api
from edgekit.recipe.schema import Gates
from edgekit.stages.artifacts import Workbench, reject, verify, why_rejected
from edgekit.types import Artifact, LabelledFile
from edgekit.verify.outputs import cosine_rows
from edgekit.verify.parity import judge


@pytest.fixture(scope="module")
def built(tiny_classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return api.export_model(tiny_classifier, targets=["onnx"], out=tmp_path_factory.mktemp("verify") / "out")[
        0
    ].artifact


def plant(artifact: Artifact, path: Path, name: str, factor: float) -> Path:
    """A copy of an ONNX file with one weight multiplied."""
    model = onnx.load(artifact.path)
    for value in model.graph.initializer:
        if value.name == name:
            value.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(value) * np.float32(factor), name))
    onnx.save(model, path)
    return path


def test_a_good_export_passes_at_every_shape(
    built: Artifact, tiny_classifier: Path, reviews_csv: Path
) -> None:
    _, parity = api.verify_artifact(built.path, against=tiny_classifier, data=LabelledFile(reviews_csv))
    assert parity.passed and parity.executed and parity.samples == 300
    assert parity.max_abs_error <= 1e-4 and parity.label_agreement == 1.0 and parity.metric_drop == 0
    assert {s.batch for s in parity.shapes} == {1, 3, 8}
    assert {s.length for s in parity.shapes} == {4, 16, 33, 64}


def test_without_data_no_metric_is_claimed(built: Artifact, tiny_classifier: Path) -> None:
    _, parity = api.verify_artifact(built.path, against=tiny_classifier)
    assert parity.passed and parity.metric is None and parity.metric_name is None


@pytest.mark.parametrize("factor", [3.0, float("nan")])
def test_a_planted_wrong_weight_is_refused(
    built: Artifact, tiny_classifier: Path, tmp_path: Path, factor: float
) -> None:
    wrong = plant(built, tmp_path / "wrong.onnx", "bert.encoder.layer.1.output.dense.weight", factor)
    _, parity = api.verify_artifact(wrong, against=tiny_classifier)
    assert not parity.passed
    assert "largest difference" in why_rejected(parity)


def test_a_planted_slow_copy_is_refused(built: Artifact, tiny_classifier: Path, tmp_path: Path) -> None:
    """The "int8" is the fp32 graph with a detour of large matrix products whose result is multiplied by 0."""
    model = onnx.load(built.path)
    graph = model.graph
    size = 512
    graph.initializer.append(
        numpy_helper.from_array(np.full((size, size), 1e-3, dtype=np.float32), "detour_weight")
    )
    logits = graph.output[0].name
    for node in graph.node:
        for i, name in enumerate(node.output):
            if name == logits:
                node.output[i] = "plain_logits"
    helper = onnx.helper
    add = [helper.make_node("MatMul", ["detour_weight", "detour_weight"], ["d0"])]
    add.append(helper.make_node("ReduceMean", ["plain_logits"], ["m"], keepdims=0))
    add.append(helper.make_node("Mul", ["d0", "m"], ["e0"]))  # depends on the input: nothing folds it away
    for i in range(8):
        add.append(helper.make_node("MatMul", [f"e{i}", "detour_weight"], [f"e{i + 1}"]))
    graph.initializer.append(numpy_helper.from_array(np.zeros((), dtype=np.float32), "nothing"))
    add.append(helper.make_node("ReduceMean", ["e8"], ["s"], keepdims=0))
    add.append(helper.make_node("Mul", ["s", "nothing"], ["z"]))
    add.append(helper.make_node("Add", ["plain_logits", "z"], [logits]))
    graph.node.extend(add)
    for entry in model.metadata_props:
        if entry.key == "edgekit.precision":
            entry.value = "int8"
    onnx.save(model, tmp_path / "slow.onnx")

    from edgekit.runtimes.describe import describe_artifact

    slow = describe_artifact(tmp_path / "slow.onnx")
    bench = bench_of(tiny_classifier, tmp_path)
    parity = verify(bench, slow, replaces=built)
    assert not parity.passed and "times as fast" in why_rejected(parity)
    assert all(g.passed for g in parity.gates if "fast" not in g.name), "nothing else is wrong with it"
    moved = reject(tmp_path, slow)
    assert moved == tmp_path / "rejected" / "onnx" / "slow.onnx" and moved.exists() and not slow.path.exists()


def bench_of(folder: Path, out: Path) -> Workbench:
    model = api.load(folder)
    return api._workbench(model, folder, out, data=None, gates=Gates(), threads=1)


def test_gates_by_precision() -> None:
    gates = Gates()

    def names(precision: str, drop: float | None) -> dict[str, bool]:
        found = judge(precision, gates, worst_error=1e-3, mean_cosine=0.95, metric_drop=drop)
        return {g.name: g.passed for g in found}

    assert names("fp32", 0.1) == {"largest difference": False, "points of accuracy lost": True}
    assert names("fp16", 0.2) == {"points of accuracy lost": False}
    assert names("int8", 1.0) == {"mean cosine": True, "points of accuracy lost": True}
    assert names("int8", 1.01)["points of accuracy lost"] is False
    assert names("int8", None) == {"mean cosine": True}


def test_cosine_of_rows_by_hand() -> None:
    a = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    b = np.array([[0.0, 2.0], [3.0, 3.0], [0.0, 0.0]])
    assert np.allclose(cosine_rows(a, b), [0.0, 1.0, 1.0])
