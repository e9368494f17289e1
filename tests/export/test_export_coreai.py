"""Core AI assets: written, told what they are, and run by Apple's own runtime beside the model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("coreai_torch", reason='needs pip install "edgekit[coreai]": make test-coreai')

from edgekit.api import export_model
from edgekit.errors import ExportError, ModelError, RecipeError
from edgekit.export.coreai import export_coreai
from edgekit.export.coreai_convert import convert, decompositions
from edgekit.export.exportable import Exportable
from edgekit.models import families, tasks
from edgekit.runtimes import open_runner
from edgekit.runtimes.coreai_function import AssetFunction
from edgekit.runtimes.describe import describe_artifact
from edgekit.stages.predicting import predictor
from tests.image_examples import tiny_model


@pytest.fixture(scope="module")
def exported(tiny_classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("coreai")
    three = {"coreai": ("fp32", "int8", "int4")}
    built = export_model(tiny_classifier, targets=["coreai"], precisions=three, out=out)
    assert [one.rejected_because for one in built] == ["", "", ""]
    assert all(one.parity.executed and "coreai-core" in one.parity.runtime for one in built)
    return out / "coreai"


def test_an_asset_gives_the_models_probabilities_at_every_length(
    exported: Path, tiny_classifier: Path
) -> None:
    asset, model = open_runner(exported / "model.aimodel"), open_runner(tiny_classifier)
    limit = asset.signature.max_length
    assert limit
    for length in (1, 2, 7, limit):
        ids = np.random.default_rng(length).integers(5, 20, (2, length))
        mask = np.ones_like(ids)
        mask[1, (length + 1) // 2 :] = 0
        batch = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        logits = torch.from_numpy(model.run(batch)["logits"])
        found = asset.run(batch)["probabilities"]
        assert np.abs(found - logits.softmax(-1).numpy()).max() < 1e-5


def test_an_asset_says_what_it_is_and_names_no_path(exported: Path) -> None:
    told = describe_artifact(exported / "model_int8.aimodel")
    assert (told.target, told.precision) == ("coreai", "int8")
    assert told.signature.outputs[0].name == "probabilities" and told.signature.labels
    held = (exported / "model.aimodel" / "main.mlirb").read_bytes()
    assert str(Path(torch.__file__).parent).encode() not in held
    assert str(Path(__file__).parents[2]).encode() not in held


def test_fewer_bits_are_fewer_bytes(exported: Path) -> None:
    names = ("model", "model_int8", "model_int4")
    fp32, int8, int4 = (describe_artifact(exported / f"{n}.aimodel").size_bytes for n in names)
    assert fp32 > int8 > int4


def test_predict_answers_with_it(exported: Path, tiny_classifier: Path) -> None:
    text = "a warm and funny film"
    own, other = predictor(tiny_classifier)(text), predictor(exported / "model.aimodel")(text)
    assert own.label == other.label
    assert other.probabilities == pytest.approx(own.probabilities, abs=1e-5)


def test_an_image_classifier_becomes_one(tmp_path: Path) -> None:
    model = tiny_model()
    made = Exportable(
        name="tiny",
        module=families.export_module(model.module, max_length=None, task=model.signature.task),
        signature=model.signature,
        processor=model.processor,
        example=tasks.dummy_inputs(model.module, model.signature, batch=2, length=1),
        provenance={},
        parameters=model.parameters,
    )
    artifact = export_coreai(made, tmp_path / "model.aimodel", precision="int8")
    pixels = np.random.default_rng(0).integers(0, 256, (2, *model.signature.inputs[0].shape[1:]))
    batch = {"pixel_values": pixels.astype(np.float32)}
    found = open_runner(artifact.path).run(batch)["probabilities"]
    with torch.no_grad():
        wanted = made.module(torch.from_numpy(batch["pixel_values"])).softmax(-1).numpy()
    assert np.abs(found - wanted).max() < 0.02


def test_a_broken_asset_is_named(exported: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model.aimodel"
    broken.mkdir()
    with pytest.raises(ModelError, match="not a readable Core AI asset"):
        describe_artifact(broken)
    metadata = json.loads((exported / "model.aimodel" / "metadata.json").read_text())
    (broken / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ModelError, match="no whole Core AI asset"):
        AssetFunction(broken)
    whole = exported / "model.aimodel"
    (broken / "main.hash").write_bytes((whole / "main.hash").read_bytes())
    (broken / "main.mlirb").write_bytes((whole / "main.mlirb").read_bytes()[:9000])
    with pytest.raises(ModelError, match="its sha256 is another"):
        AssetFunction(broken)


def test_what_core_ai_has_not_is_refused(tiny_classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="palette4 is for coreml"):
        export_model(tiny_classifier, targets=["coreai"], precisions={"coreai": ("palette4",)}, out=tmp_path)
    with pytest.raises(RecipeError, match="coreai takes every length"):
        export_model(tiny_classifier, targets=["coreai"], shapes="fixed", out=tmp_path)


def test_an_operation_that_can_not_be_converted_is_an_error_with_a_remedy() -> None:
    class Sorts(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.svdvals(x)

    traced = torch.export.export(Sorts(), (torch.ones(3, 3),)).run_decompositions(dict(decompositions()))
    with pytest.raises(ExportError, match="can't be converted for Core AI") as error:
        convert(traced, name="sorts", inputs=["x"], outputs=["y"])
    assert "coreml or onnx" in error.value.remedy
