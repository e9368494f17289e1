"""Every task as a Core ML package: executed off a Mac, it says what PyTorch says, at any length it takes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit import api
from edgekit.export.coreml import export_coreml
from edgekit.export.exportable import Exportable
from edgekit.files import read_json, write_json
from edgekit.models import families
from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.tasks import dummy_inputs
from edgekit.recipe.schema import Gates
from edgekit.runtimes import open_runner
from edgekit.runtimes.coreml_reference import CoreMLReferenceRunner
from edgekit.runtimes.pytorch import PyTorchRunner
from edgekit.types import Model, Source
from edgekit.verify.coreml_structure import check_structure
from edgekit.verify.parity import compare
from edgekit.verify.probe import probe_rows

LABELS = {
    "text-classification": ("negative", "positive"),
    "multi-label-classification": ("about film", "about cast", "sad"),
    "token-classification": ("O", "B-THING", "I-THING"),
}
OUTPUTS = {
    "multi-label-classification": ("probabilities", (1, 3)),
    "text-regression": ("logits", (1, 1)),
    "token-classification": ("probabilities", (1, "sequence", 3)),
    "sentence-embedding": ("sentence_embedding", (1, 32)),
    "masked-lm": ("logits", (1, "sequence", 57)),
}
GATES = Gates()


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Path:
    """A folder with one layer and no head."""
    short = tmp_path_factory.mktemp("tiny") / "encoder"
    shutil.copytree(tiny_encoder, short)
    write_json(short / "config.json", {**read_json(short / "config.json"), "num_hidden_layers": 1})
    return short


def model_of(task: str, folder: Path) -> Model:
    """A tiny model with a random head, scaled so that its answers differ between texts."""
    source = Source(uri="tiny", sha256="0" * 64, path=folder)
    torch.manual_seed(1)
    model = load_model(
        source, name="tiny", task=task, labels=LABELS.get(task, ()), max_length=32, fresh_head=True
    )
    with torch.no_grad():
        for name, weight in model.module.named_parameters():
            if "embeddings" not in name and weight.ndim == 2:
                weight.mul_(4.0)
    return model


def exportable(model: Model) -> Exportable:
    return Exportable(
        name="tiny",
        module=families.export_module(model.module, max_length=32, task=model.signature.task),
        signature=model.signature,
        processor=model.processor,
        example=dummy_inputs(model.module, model.signature, batch=2, length=9),
        provenance={},
        parameters=model.parameters,
    )


def parity(artifact, model: Model):
    return compare(
        artifact,
        open_runner(artifact.path),
        PyTorchRunner(model.module, model.signature),
        rows=probe_rows(model.processor, model.signature, count=8),
        labels=(),
        pad_id=model.processor.pad_token_id,
        gates=GATES,
        reference_name="tiny",
    )


@pytest.mark.parametrize("task", OUTPUTS)
def test_a_package_of_each_task_equals_pytorch(task: str, encoder: Path, tmp_path: Path) -> None:
    model = model_of(task, encoder)
    given = exportable(model)
    made = export_coreml(given, tmp_path / "model.mlpackage", precision="fp32")
    [output] = made.signature.outputs
    assert (output.name, output.shape, output.dtype) == (*OUTPUTS[task], "float32")
    assert made.signature.labels == LABELS.get(task, ())
    found = parity(made, model)
    assert found.passed and found.max_abs_error <= 1e-5 and found.cosine >= 0.999999
    assert max(check.max_abs_error for check in found.shapes) <= 1e-5
    weights = {name: value.detach().numpy() for name, value in given.module.named_parameters()}
    assert not check_structure(made, weights=weights).failures
    other = replace(made, signature=replace(made.signature, labels=("a", "b")))
    assert any("labels are ['a', 'b']" in text for text in check_structure(other, weights=weights).failures)


@pytest.mark.parametrize("shapes", ["fixed", "enumerated"])
def test_texts_are_padded_to_the_lengths_that_a_package_takes(
    shapes: str, encoder: Path, tmp_path: Path
) -> None:
    model = model_of("token-classification", encoder)
    made = export_coreml(
        exportable(model),
        tmp_path / "model.mlpackage",
        shapes=shapes,
        lengths=(16, 128),
        minimum_deployment_target="iOS18",
    )
    row = probe_rows(model.processor, model.signature, count=8)[1]
    batch = {name: np.array([ids]) for name, ids in row.items()}
    got = CoreMLReferenceRunner(made.path).run(batch)["probabilities"]
    assert got.shape == (1, len(row["input_ids"]), 3)
    assert np.abs(got.sum(-1) - 1).max() <= 2e-3
    assert parity(made, model).label_agreement >= 0.9
    long = {name: np.ones((1, 33), dtype=np.int64) for name in batch}
    with pytest.raises(Exception, match="33 tokens was given to a package that takes at most 32"):
        CoreMLReferenceRunner(made.path).run(long)


@pytest.mark.slow
def test_a_masked_lm_is_exported_verified_and_answers(encoder: Path, tmp_path: Path) -> None:
    folder = save_model(model_of("masked-lm", encoder), tmp_path / "model", provenance={})
    [plain, small] = api.export_model(
        folder, targets=["coreml"], precisions={"coreml": ["fp16", "int8"]}, out=tmp_path / "out"
    )
    assert not plain.rejected_because and not small.rejected_because
    # The token table is also the output layer: it is stored once, under its own name.
    assert "matrices are present with their values" in " ".join(plain.parity.checks)
    assert small.artifact.size_bytes < plain.artifact.size_bytes
    [told] = api.predict(folder, ["a warm and [MASK] film"])
    [got] = api.predict(plain.artifact.path, ["a warm and [MASK] film"])
    assert next(iter(got.fills[0])) == next(iter(told.fills[0]))
    artifact, again = api.verify_artifact(small.artifact.path, against=folder)
    assert again.executed and again.passed and artifact.precision == "int8"


class WithTanhGelu(torch.nn.Module):
    """A model that no family expresses, calling GELU's tanh form as PyTorch has it."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(57, 8)
        self.out = torch.nn.Linear(8, 2)

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        from transformers.modeling_outputs import SequenceClassifierOutput

        hidden = torch.nn.functional.gelu(3 * self.table(input_ids), approximate="tanh")
        real = attention_mask[:, :, None].float()
        return SequenceClassifierOutput(logits=self.out((hidden * real).sum(1) / real.sum(1)))


def test_tanh_gelu_of_a_model_without_a_family_keeps_its_form(encoder: Path, tmp_path: Path) -> None:
    from edgekit.models.families.generic import Transformers

    model = model_of("text-classification", encoder)
    module = WithTanhGelu().eval()
    given = replace(exportable(model), module=Transformers(module).eval())
    made = export_coreml(given, tmp_path / "model.mlpackage", precision="fp32")
    # The exact form, which coremltools would put in its place, is 1e-4 away.
    assert parity(made, replace(model, module=module)).max_abs_error <= 1e-6
