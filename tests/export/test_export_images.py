"""Image classifiers as ONNX and Core ML files: run, compared, and stored in int8."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from edgekit.codec import dumps, rows_from_json, to_json
from edgekit.errors import ExportError
from edgekit.export.coreml import export_coreml
from edgekit.export.coreml_compress import compress_coreml
from edgekit.export.exportable import Exportable
from edgekit.export.onnx import export_onnx
from edgekit.export.onnx_schemes.carry_out import quantize_onnx
from edgekit.models import families
from edgekit.models.images.front_end import ImageFrontEnd
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
from tests.image_examples import CLASSES, SIDE, stripes, tiny_model


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
    return export_onnx(exportable, tmp_path_factory.mktemp("images") / "model.onnx")


def rows(count: int) -> list[dict[str, np.ndarray]]:
    front = ImageFrontEnd(SIDE, SIDE)
    return [{"pixel_values": front.pixels(Image.fromarray(stripes(CLASSES[i % 2], i)))} for i in range(count)]


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


def test_an_onnx_file_takes_raw_pixels_in_any_batch(model: Model, file: Artifact) -> None:
    assert describe_artifact(file.path).signature == model.signature
    found = parity(model, file, rows(9))
    assert found.passed
    assert [(s.batch, s.length) for s in found.shapes] == [(1, 1), (3, 1), (8, 1)]
    assert found.max_abs_error < 1e-4
    operators = {node.op_type for node in onnx.load(file.path).graph.node}
    assert {"Conv", "Clip", "Sub", "Div"} <= operators
    assert "BatchNormalization" not in operators


def test_random_images_judge_numbers_when_no_data_is_at_hand(model: Model, file: Artifact) -> None:
    given = probe_rows(model.processor, model.signature, count=20)
    assert given[0]["pixel_values"].shape == (3, SIDE, SIDE)
    assert given[0]["pixel_values"].dtype == np.uint8
    again = probe_rows(model.processor, model.signature, count=20)
    assert all((a["pixel_values"] == b["pixel_values"]).all() for a, b in zip(given, again, strict=True))
    runner = open_runner(file.path)
    logits = [runner.run({"pixel_values": row["pixel_values"][None]})["logits"][0] for row in given]
    assert np.ptp(logits, axis=0).max() > 0.05  # they differ enough for an error to show


def test_every_filter_becomes_int8_and_the_answers_stay(model: Model, file: Artifact, tmp_path: Path) -> None:
    weights = read_weights(file.path)
    plan = plan_onnx(weights, name="tiny", target="onnx", scheme="int8-static")
    chosen = {layer.name for layer in plan.layers if layer.scheme}
    assert chosen == {w.name for w in weights if len(w.shape) == 4}
    assert len(chosen) == 13
    made = quantize_onnx(file, plan, tmp_path / "int8.onnx", rows=rows(32))
    stored = {t.name: t.data_type for t in onnx.load(made.path).graph.initializer}
    assert all(stored[f"{name}_quantized"] == onnx.TensorProto.INT8 for name in chosen)
    assert not chosen & stored.keys()
    assert describe_artifact(made.path).signature == model.signature
    assert made.precision == describe_artifact(made.path).precision == "int8-static"
    found = parity(model, made, rows(40))
    assert 0.99 < found.cosine < 0.999999


def test_other_schemes_have_no_form_for_filters(file: Artifact) -> None:
    plan = plan_onnx(read_weights(file.path), name="tiny", target="onnx", scheme="int8")
    assert not [layer for layer in plan.layers if layer.scheme]
    reasons = {layer.skipped_because for layer in plan.layers if "conv.weight" in layer.name}
    assert "read by a convolution, which has no kernel for it" in reasons


def test_int8_static_asks_for_rows(file: Artifact, tmp_path: Path) -> None:
    plan = plan_onnx(read_weights(file.path), name="tiny", target="onnx", scheme="int8-static")
    with pytest.raises(ExportError, match="needs calibration rows"):
        quantize_onnx(file, plan, tmp_path / "int8.onnx")
    assert not list(tmp_path.iterdir())


def test_rows_of_pixels_travel_as_json() -> None:
    given = rows(2)
    [first, _] = rows_from_json(to_json(given))
    assert (first["pixel_values"] == given[0]["pixel_values"]).all()
    assert first["pixel_values"].dtype == np.uint8
    changed = [{"pixel_values": given[0]["pixel_values"] ^ 1}, given[1]]
    assert dumps(changed) != dumps(given)


def test_a_package_takes_pixels_as_an_array_and_names_the_class(
    model: Model, exportable: Exportable, tmp_path: Path
) -> None:
    pytest.importorskip("coremltools")
    package = export_coreml(exportable, tmp_path / "model.mlpackage", precision="fp16")
    found = parity(model, package, rows(6))
    assert found.passed
    assert found.cosine > 0.9999
    weights = {n: p.detach().numpy() for n, p in exportable.module.named_parameters()}
    structure = check_structure(package, weights=weights)
    assert structure.failures == ()
    assert f"pixel_values is [1, 3, {SIDE}, {SIDE}] (found [1, 3, {SIDE}, {SIDE}])" in structure.checks
    wrong = replace(package.signature.inputs[0], shape=(1, 3, 8, 8))
    other = replace(package, signature=replace(package.signature, inputs=(wrong,)))
    assert any(
        "pixel_values is [1, 3, 8, 8]" in text for text in check_structure(other, weights=weights).failures
    )


def test_core_ml_stores_large_filters_in_int8(model: Model, exportable: Exportable, tmp_path: Path) -> None:
    pytest.importorskip("coremltools")
    plan = plan_coreml(exportable.module, name="tiny", scheme="int8")
    assert [la.name for la in plan.layers if la.scheme] == ["network.top.conv.weight"]  # 2,304 values
    package = export_coreml(exportable, tmp_path / "model.mlpackage", precision="fp16")
    made = compress_coreml(package, plan, tmp_path / "model_int8.mlpackage")
    assert made.size_bytes < package.size_bytes
    found = parity(model, made, rows(6))
    assert 0.999 < found.cosine < 0.99999999
