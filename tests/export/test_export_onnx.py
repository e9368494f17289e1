"""ONNX files run at every shape, say what they are, and follow their precision plan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from edgekit.errors import ExportError
from edgekit.export.exportable import Exportable
from edgekit.export.onnx import export_onnx
from edgekit.export.onnx_schemes.carry_out import quantize_onnx
from edgekit.export.targets import get_target
from edgekit.models import families
from edgekit.models.load import load_model
from edgekit.models.tasks import dummy_inputs
from edgekit.quantize.plan import plan_int8
from edgekit.runtimes import open_runner
from edgekit.runtimes.describe import describe_artifact
from edgekit.types import LayerPrecision, Model, Quantized, Source


@pytest.fixture(scope="module")
def model(tiny_classifier: Path) -> Model:
    return load_model(Source("tiny", "0" * 64, tiny_classifier), name="tiny")


@pytest.fixture(scope="module")
def exportable(model: Model) -> Exportable:
    return Exportable(
        name="tiny",
        module=families.export_module(model.module, max_length=64),
        signature=model.signature,
        processor=model.processor,
        example=dummy_inputs(model.module, model.signature, batch=2, length=17),
        provenance={"teacher": "none"},
        parameters=model.parameters,
    )


@pytest.fixture(scope="module")
def exported(exportable: Exportable, tmp_path_factory: pytest.TempPathFactory):
    return export_onnx(exportable, tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.mark.parametrize(("batch", "length"), [(1, 2), (1, 17), (3, 33), (8, 64)])
def test_any_batch_and_length_equals_pytorch(model: Model, exported, batch: int, length: int) -> None:
    inputs = dummy_inputs(model.module, model.signature, batch=batch, length=length)
    got = open_runner(exported.path).run({k: v.numpy() for k, v in inputs.items()})["logits"]
    with torch.no_grad():
        expected = model.module(**inputs).logits.numpy()
    assert np.abs(got - expected).max() <= 1e-4


def test_the_file_says_what_it_is(exported, model: Model) -> None:
    told = {p.key: p.value for p in onnx.load(exported.path).metadata_props}
    assert json.loads(told["labels"]) == ["negative", "positive"]
    assert told["max_length"] == "64" and told["edgekit.precision"] == "fp32"
    assert json.loads(told["edgekit.provenance"]) == {"teacher": "none"}
    again = describe_artifact(exported.path)
    assert again.signature == model.signature and again.sha256 == exported.sha256
    assert again.parameters == model.parameters


def test_weights_keep_their_pytorch_names(exported, exportable: Exportable) -> None:
    names = {i.name for i in onnx.load(exported.path).graph.initializer}
    matrices = {n for n, p in exportable.module.named_parameters() if p.ndim == 2}
    assert matrices <= names


def test_int8_follows_the_plan(exported, exportable: Exportable, tmp_path: Path) -> None:
    plan = plan_int8(exportable.module, name="tiny", target="onnx")
    small = quantize_onnx(exported, plan, tmp_path / "model_int8.onnx")
    assert small.name == "tiny-onnx-int8" and small.size_bytes < exported.size_bytes
    graph = onnx.load(small.path).graph
    floats = {i.name for i in graph.initializer if i.data_type == onnx.TensorProto.FLOAT}
    assert not floats & {layer.name for layer in plan.layers if layer.bits == 8}
    kept = {layer.name for layer in plan.layers if layer.bits != 8}
    assert {"classifier.weight", "bert.embeddings.position_embeddings.weight"} <= kept & floats
    assert all(layer.skipped_because for layer in plan.layers if layer.bits != 8)
    assert describe_artifact(small.path).precision == "int8"


def test_a_plan_of_another_model_is_refused(exported, tmp_path: Path) -> None:
    plan = Quantized(
        "other",
        "onnx",
        "int8",
        (LayerPrecision("encoder.somewhere.weight", 8, "per_channel", scheme="int8"),),
    )
    with pytest.raises(ExportError, match=r"no weight named 'encoder\.somewhere\.weight'"):
        quantize_onnx(exported, plan, tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def test_an_architecture_without_a_family_still_goes_to_onnx(tmp_path: Path) -> None:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    from edgekit.types import Signature, TensorSpec

    config = DistilBertConfig(
        vocab_size=50, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=32
    )
    module = DistilBertForSequenceClassification(config).eval()
    signature = Signature(
        task="text-classification",
        inputs=tuple(TensorSpec(n, ("batch", "sequence"), "int64") for n in ("input_ids", "attention_mask")),
        outputs=(TensorSpec("logits", ("batch", 2), "float32"),),
        labels=("a", "b"),
        max_length=32,
    )
    example = dummy_inputs(module, signature, batch=2, length=9)
    twin = families.export_module(module)
    made = export_onnx(Exportable("distil", twin, signature, None, example, {}, 1), tmp_path / "model.onnx")
    other = dummy_inputs(module, signature, batch=3, length=21)
    got = open_runner(made.path).run({k: v.numpy() for k, v in other.items()})["logits"]
    with torch.no_grad():
        assert np.abs(got - module(**other).logits.numpy()).max() < 1e-4


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(ExportError, match="no target 'tflite'") as caught:
        get_target("tflite")
    assert "onnx, onnxruntime, coreml" in caught.value.remedy


def test_a_table_that_two_layers_share_is_not_stored_twice(tiny_encoder: Path, tmp_path: Path) -> None:
    source = Source("tiny", "0" * 64, tiny_encoder)
    model = load_model(source, name="tiny", task="masked-lm", fresh_head=True, max_length=32)
    made = Exportable(
        name="tiny",
        module=families.export_module(model.module, max_length=32, task="masked-lm"),
        signature=model.signature,
        processor=model.processor,
        example=dummy_inputs(model.module, model.signature, batch=2, length=17),
        provenance={},
        parameters=model.parameters,
    )
    plan = plan_int8(made.module, name="tiny", target="onnx")
    assert any("another layer" in layer.skipped_because for layer in plan.layers)
    plain = export_onnx(made, tmp_path / "model.onnx")
    quantize_onnx(plain, plan, tmp_path / "int8.onnx")
    shape = list(model.module.get_input_embeddings().weight.shape)
    tables = [i for i in onnx.load(tmp_path / "int8.onnx").graph.initializer if list(i.dims) == shape]
    assert len(tables) == 1 and tables[0].data_type == onnx.TensorProto.FLOAT
