"""A student is some layers of its teacher, and its export twin computes the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edgekit.errors import ModelError
from edgekit.models import families
from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.student import build_student, select_layers
from edgekit.models.tasks import dummy_inputs
from edgekit.types import Model, Source


@pytest.fixture
def teacher(tiny_classifier: Path) -> Model:
    return load_model(Source("tiny", "0" * 64, tiny_classifier), name="teacher")


@pytest.mark.parametrize(
    ("total", "layers", "select", "expected"),
    [
        (6, 3, "uniform", (0, 2, 5)),
        (12, 6, "uniform", (0, 2, 4, 6, 8, 11)),
        (4, 1, "uniform", (0,)),
        (4, 4, "uniform", (0, 1, 2, 3)),
        (6, 2, "first", (0, 1)),
        (6, 2, "last", (4, 5)),
        (6, 2, (5, 0), (5, 0)),
    ],
)
def test_layers_are_chosen_as_documented(total, layers, select, expected) -> None:
    assert select_layers(total, layers, select) == expected


@pytest.mark.parametrize(("layers", "select"), [(7, "uniform"), (2, (0, 6)), (2, (1, 1)), (1, (-1,))])
def test_layers_that_are_not_there_are_refused(layers, select) -> None:
    with pytest.raises(ModelError):
        select_layers(6, layers, select)


def test_a_student_copies_the_chosen_layers_and_all_else(teacher: Model) -> None:
    student = build_student(teacher, layers=2, select=(1, 3), name="student")
    mine, theirs = student.module.state_dict(), teacher.module.state_dict()
    for key, value in mine.items():
        origin = key.replace("layer.1.", "layer.3.").replace("layer.0.", "layer.1.")
        assert torch.equal(value, theirs[origin]), key
    assert student.module.config.num_hidden_layers == 2
    assert student.parameters < teacher.parameters
    student.module.bert.encoder.layer[0].output.dense.bias.data += 1
    assert not torch.equal(
        student.module.bert.encoder.layer[0].output.dense.bias,
        theirs["bert.encoder.layer.1.output.dense.bias"],
    ), "copies, not views"


def test_the_export_twin_computes_the_same_logits(teacher: Model) -> None:
    twin = families.export_module(teacher.module)
    for length in (2, 9, 64):
        inputs = dummy_inputs(teacher.module, teacher.signature, batch=3, length=length)
        inputs["token_type_ids"][:, length // 2 :] = 1
        with torch.no_grad():
            assert torch.allclose(twin(**inputs), teacher.module(**inputs).logits, atol=2e-6)


def test_positions_beyond_the_maximum_length_are_left_out(teacher: Model) -> None:
    twin = families.export_module(teacher.module, max_length=16)
    assert twin.bert.embeddings.position_embeddings.weight.shape[0] == 16
    inputs = dummy_inputs(teacher.module, teacher.signature, batch=2, length=16)
    with torch.no_grad():
        assert torch.allclose(twin(**inputs), teacher.module(**inputs).logits, atol=2e-6)


def test_a_saved_student_loads_with_plain_transformers(teacher: Model, tmp_path: Path) -> None:
    from transformers import pipeline

    student = build_student(teacher, layers=2, select="uniform", name="student")
    save_model(student, tmp_path / "student", provenance={"teacher": "tiny"})
    classify = pipeline("text-classification", model=str(tmp_path / "student"))
    assert classify("a warm film")[0]["label"] in ("negative", "positive")
    names = {p.name for p in (tmp_path / "student").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "edgekit.json"} <= names


def test_other_encoders_can_be_cut_too(tmp_path: Path) -> None:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    module = DistilBertForSequenceClassification(
        DistilBertConfig(
            vocab_size=50, dim=16, n_layers=4, n_heads=2, hidden_dim=32, max_position_embeddings=32
        )
    )
    teacher = Model("teacher", module, None, None, Source("d", "0" * 64, tmp_path))  # type: ignore[arg-type]
    student = build_student(teacher, layers=2, select="uniform", name="student")
    assert len(student.module.distilbert.transformer.layer) == 2
    ids = torch.randint(0, 50, (2, 7))
    assert student.module(input_ids=ids).logits.shape == (2, 2)
