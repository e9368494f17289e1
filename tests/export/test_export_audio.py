"""Sound classifiers as ONNX and Core ML files: the spectrogram inside, in half precision and beside int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from edgekit.export.coreml import export_coreml
from edgekit.export.coreml_compress import compress_coreml
from edgekit.export.exportable import Exportable
from edgekit.export.onnx import export_onnx
from edgekit.export.onnx_schemes.carry_out import quantize_onnx
from edgekit.models import families
from edgekit.models.tasks import dummy_inputs
from edgekit.quantize.coreml import plan_coreml
from edgekit.quantize.onnx import plan_onnx, read_weights
from edgekit.recipe.schema import Gates
from edgekit.runtimes import open_runner
from edgekit.runtimes.describe import describe_artifact
from edgekit.runtimes.pytorch import PyTorchRunner
from edgekit.types import Artifact, Model
from edgekit.verify.coreml_structure import check_structure
from edgekit.verify.parity import compare
from edgekit.verify.probe import probe_rows
from tests.audio_examples import CLASSES, SAMPLES, sweep, tiny_model


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny_model()


@pytest.fixture(scope="module")
def exportable(model: Model) -> Exportable:
    return Exportable(
        name="tiny",
        module=families.export_module(model.module, task=model.signature.task),
        signature=model.signature,
        processor=model.processor,
        example=dummy_inputs(model.module, model.signature, batch=2, length=1),
        provenance={},
        parameters=model.parameters,
    )


@pytest.fixture(scope="module")
def file(exportable: Exportable, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return export_onnx(exportable, tmp_path_factory.mktemp("audio") / "model.onnx")


@pytest.fixture(scope="module")
def package(exportable: Exportable, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    pytest.importorskip("coremltools")
    return export_coreml(exportable, tmp_path_factory.mktemp("audio") / "model.mlpackage", precision="fp16")


def rows(count: int) -> list[dict[str, np.ndarray]]:
    return [{"input_values": sweep(CLASSES[i % 2], i)} for i in range(count)]


def parity(model: Model, artifact: Artifact, given: list):
    return compare(
        artifact,
        open_runner(artifact.path),
        PyTorchRunner(model.module, model.signature),
        rows=given,
        labels=[i % 2 for i in range(len(given))],
        pad_id=0,
        gates=Gates(),
        reference_name="tiny",
    )


def test_an_onnx_file_takes_raw_samples_in_any_batch(model: Model, file: Artifact) -> None:
    assert describe_artifact(file.path).signature == model.signature
    found = parity(model, file, rows(9))
    assert found.passed
    assert [(s.batch, s.length) for s in found.shapes] == [(1, 1), (3, 1), (8, 1)]
    assert found.max_abs_error < 1e-4


def test_random_tones_judge_numbers_when_no_data_is_at_hand(model: Model, file: Artifact) -> None:
    given = probe_rows(model.processor, model.signature, count=20)
    values = np.stack([row["input_values"] for row in given])
    assert (values.shape, values.dtype) == ((20, SAMPLES), np.float32)
    assert 0.1 < np.abs(values).max() <= 1
    loud = values.std(1)
    assert loud[-1] > 100 * loud[0] > 0
    assert parity(model, file, given).passed


def test_the_spectrogram_stays_in_fp32_beside_int8(model: Model, file: Artifact, tmp_path: Path) -> None:
    weights = read_weights(file.path)
    plan = plan_onnx(weights, name="tiny", target="onnx", scheme="int8-static")
    chosen = {layer.name for layer in plan.layers if layer.scheme}
    assert chosen == {w.name for w in weights if len(w.shape) == 4}
    left = [layer for layer in plan.layers if layer.name.startswith("front_end.")]
    assert sorted(layer.name for layer in left) == ["front_end.filters", "front_end.transform"]
    assert all("8 bits" in layer.skipped_because for layer in left)
    made = quantize_onnx(file, plan, tmp_path / "int8.onnx", rows=rows(32))
    graph = onnx.load(made.path).graph
    logarithm = next(i for i, node in enumerate(graph.node) if node.op_type == "Log")
    before = {node.op_type for node in graph.node[:logarithm]}
    assert {"Conv", "Mul", "Clip"} <= before
    assert not {"QuantizeLinear", "DequantizeLinear"} & {
        node.op_type for node in graph.node if set(node.output) & ancestors(graph, graph.node[logarithm])
    }
    found = parity(model, made, rows(40))
    assert 0.99 < found.cosine < 0.999999


def ancestors(graph: onnx.GraphProto, last: onnx.NodeProto) -> set[str]:
    """Names of all values that a node is computed from."""
    makers = {name: node for node in graph.node for name in node.output}
    found, asked = set(), list(last.input)
    while asked:
        name = asked.pop()
        found.add(name)
        asked += makers[name].input if name in makers else ()
    return found


@pytest.mark.parametrize("loudness", [1e-4, 0.03, 1.0])
def test_half_precision_holds_whispers_and_full_scale(
    model: Model, package: Artifact, loudness: float
) -> None:
    """Square waves and alternating signs are the most that there can be; 1e-4 is three steps of 16 bits."""
    time = np.arange(SAMPLES)
    shapes = [np.sign(np.sin(0.13 * time) + 1e-9), (-1.0) ** time, np.sin(0.7 * time)]
    given = [{"input_values": (loudness * shape).astype(np.float32)} for shape in shapes]
    found = parity(model, package, given)
    assert found.cosine > 0.999
    assert found.max_abs_error < 0.05


def test_a_package_takes_samples_and_names_the_class(
    model: Model, exportable: Exportable, package: Artifact
) -> None:
    found = parity(model, package, rows(6))
    assert found.passed
    assert found.cosine > 0.9999
    weights = {n: p.detach().numpy() for n, p in exportable.module.named_parameters()}
    structure = check_structure(package, weights=weights)
    assert structure.failures == ()
    assert f"input_values is [1, {SAMPLES}] (found [1, {SAMPLES}])" in structure.checks


def test_core_ml_leaves_the_spectrogram_out_of_int8(
    model: Model, exportable: Exportable, package: Artifact, tmp_path: Path
) -> None:
    plan = plan_coreml(exportable.module, name="tiny", scheme="int8")
    assert [layer.name for layer in plan.layers if layer.scheme] == ["network.top.conv.weight"]
    made = compress_coreml(package, plan, tmp_path / "model_int8.mlpackage")
    assert made.size_bytes < package.size_bytes
    found = parity(model, made, rows(6))
    assert 0.999 < found.cosine < 0.99999999
