"""Core ML packages, written off a Mac: their structure holds, and damage to them is noticed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edgekit.errors import ExportError, ModelError
from edgekit.export.coreml import export_coreml
from edgekit.export.coreml_compress import compress_coreml
from edgekit.export.exportable import Exportable
from edgekit.models import families
from edgekit.models.load import load_model
from edgekit.models.tasks import dummy_inputs
from edgekit.quantize.coreml import plan_coreml
from edgekit.types import Source
from edgekit.verify.coreml_structure import check_structure


@pytest.fixture(scope="module")
def exportable(tiny_classifier: Path) -> Exportable:
    model = load_model(Source("tiny", "0" * 64, tiny_classifier), name="tiny")
    return Exportable(
        name="tiny",
        module=families.export_module(model.module, max_length=64),
        signature=model.signature,
        processor=model.processor,
        example=dummy_inputs(model.module, model.signature, batch=2, length=17),
        provenance={},
        parameters=model.parameters,
    )


@pytest.fixture(scope="module")
def package(exportable: Exportable, tmp_path_factory: pytest.TempPathFactory):
    return export_coreml(exportable, tmp_path_factory.mktemp("coreml") / "model.mlpackage")


def weights(exportable: Exportable) -> dict:
    return {n: p.detach().numpy() for n, p in exportable.module.named_parameters()}


def test_the_package_holds_the_model_and_is_not_called_executed(exportable: Exportable, package) -> None:
    structure = check_structure(package, weights=weights(exportable))
    assert not structure.failures
    assert "class labels are ['negative', 'positive']" in structure.checks
    assert package.signature.outputs[0].name == "probabilities"


def test_int8_stores_compressed_weights(exportable: Exportable, package, tmp_path: Path) -> None:
    plan = plan_coreml(exportable.module, name="tiny", scheme="int8")
    small = compress_coreml(package, plan, tmp_path / "model_int8.mlpackage")
    structure = check_structure(small, weights=weights(exportable))
    planned = sum(layer.bits == 8 for layer in plan.layers)
    assert any(text.startswith(f"{planned} weights are stored compressed") for text in structure.checks)
    assert not structure.failures


@pytest.mark.parametrize("shapes", ["fixed", "enumerated"])
def test_other_shapes(exportable: Exportable, tmp_path: Path, shapes: str) -> None:
    made = export_coreml(
        exportable,
        tmp_path / "m.mlpackage",
        shapes=shapes,
        lengths=(16, 64),
        minimum_deployment_target="iOS18",
        precision="fp32",
    )
    structure = check_structure(made, weights=weights(exportable))
    assert not structure.failures
    assert "input_ids takes up to 64 tokens (limit 64)" in structure.checks


@pytest.mark.parametrize("shapes", ["fixed", "enumerated"])
def test_shapes_shorter_than_texts_may_be_are_refused(
    exportable: Exportable, tmp_path: Path, shapes: str
) -> None:
    with pytest.raises(ExportError, match="end at 32 tokens, and the model takes 64") as caught:
        export_coreml(exportable, tmp_path / "m.mlpackage", shapes=shapes, lengths=(16, 32))
    assert "--max-length 32" in caught.value.remedy


def test_enumerated_shapes_need_ios18(exportable: Exportable, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="need iOS 18") as caught:
        export_coreml(exportable, tmp_path / "m.mlpackage", shapes="enumerated")
    assert "--minimum-deployment-target iOS18" in caught.value.remedy


def test_changed_weights_and_labels_are_noticed(exportable: Exportable, package) -> None:
    other = weights(exportable)
    name = "bert.encoder.layer.2.output.dense.weight"
    other[name] = other[name] * 1.5
    structure = check_structure(package, weights=other)
    assert f"{name} has other values" in structure.failures[0]
    swapped = replace(package, signature=replace(package.signature, labels=("positive", "negative")))
    structure = check_structure(swapped, weights=weights(exportable))
    assert any("class labels" in text for text in structure.failures)


def test_a_package_with_its_weights_cut_off_is_refused(
    package, exportable: Exportable, tmp_path: Path
) -> None:
    copy = tmp_path / "broken.mlpackage"
    shutil.copytree(package.path, copy)
    blob = next(copy.rglob("weight.bin"))
    blob.write_bytes(blob.read_bytes()[:1000])
    try:
        structure = check_structure(replace(package, path=copy, size_bytes=1000), weights=weights(exportable))
    except ModelError as error:
        assert "not a readable Core ML package" in error.fact
    else:
        assert structure.failures


def test_an_operation_that_core_ml_lacks_is_named_with_its_module(
    exportable: Exportable, tmp_path: Path
) -> None:
    class Head(torch.nn.Module):
        def forward(self, x):
            return torch.special.i0(x)  # a Bessel function: no MIL operation

    class WithBessel(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = exportable.module
            self.bessel_head = Head()

        def forward(self, *inputs):
            return self.bessel_head(self.inner(*inputs))

    broken = replace(exportable, module=WithBessel().eval())
    with pytest.raises(ExportError) as caught:
        export_coreml(broken, tmp_path / "m.mlpackage")
    assert "i0" in caught.value.fact and "bessel_head" in caught.value.fact, caught.value.fact
    assert not (tmp_path / "m.mlpackage").exists()
