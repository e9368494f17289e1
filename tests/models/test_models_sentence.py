"""Sentence encoders: the mean over real tokens, the projection, and the folder that others read."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from edgekit.errors import ModelError
from edgekit.files import read_json, write_json
from edgekit.models.families.sentence import SentenceEncoder
from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.student import build_student
from edgekit.signatures import text_signature
from edgekit.types import Model, Source


def loaded(folder: Path) -> Model:
    source = Source(uri=str(folder), sha256="0" * 64, path=folder)
    return load_model(source, name="t", task="sentence-embedding")


@pytest.fixture
def projected(tiny_encoder: Path) -> Model:
    """An encoder of width 32 with a projection to 8."""
    model = loaded(tiny_encoder)
    config = copy.deepcopy(model.module.config)
    config.sentence_size = 8
    module = SentenceEncoder(config).eval()
    signature = text_signature(
        task="sentence-embedding", processor=model.processor, labels=(), max_length=64, module=module
    )
    return Model("t", module, model.processor, signature, model.source)


def batch(model: Model) -> dict[str, torch.Tensor]:
    return dict(model.processor(["a warm film", "dull"], padding=True, return_tensors="pt"))


def test_an_embedding_is_the_mean_of_real_tokens_at_length_1(tiny_encoder: Path) -> None:
    model = loaded(tiny_encoder)
    inputs = batch(model)
    with torch.no_grad():
        got = model.module(**inputs).logits
        states = model.module.encoder(**inputs).last_hidden_state
    lengths = inputs["attention_mask"].sum(1)
    for row, length in enumerate(lengths):
        mean = states[row, :length].mean(0)
        assert torch.allclose(got[row], mean / mean.norm(), atol=1e-6)
    assert lengths.tolist() == [5, 3], "the second row is padded"


def test_what_losses_look_at_is_shown(tiny_encoder: Path) -> None:
    model = loaded(tiny_encoder)
    out = model.module(**batch(model), output_hidden_states=True, output_attentions=True)
    assert len(out.hidden_states) == 5 and len(out.attentions) == 4


def test_nothing_is_trained_that_has_no_part_in_the_embedding(projected: Model) -> None:
    projected.module(**batch(projected)).logits.sum().backward()
    assert [n for n, p in projected.module.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("width", [32, 8])
def test_a_saved_folder_is_read_again(
    width: int, tiny_encoder: Path, projected: Model, tmp_path: Path
) -> None:
    model = projected if width == 8 else loaded(tiny_encoder)
    again = loaded(save_model(model, tmp_path / "m", provenance={}))
    assert again.signature == model.signature and again.signature.outputs[0].shape == ("batch", width)
    with torch.no_grad():
        assert torch.equal(again.module(**batch(again)).logits, model.module(**batch(model)).logits)


def test_the_folder_has_the_parts_that_sentence_transformers_reads(projected: Model, tmp_path: Path) -> None:
    folder = save_model(projected, tmp_path / "m", provenance={})
    kinds = [(m["path"], m["type"].rsplit(".", 1)[-1]) for m in read_json(folder / "modules.json")]
    assert kinds == [
        ("", "Transformer"),
        ("1_Pooling", "Pooling"),
        ("2_Dense", "Dense"),
        ("3_Normalize", "Normalize"),
    ]
    pooling = read_json(folder / "1_Pooling/config.json")
    assert [k for k, on in pooling.items() if on is True] == ["pooling_mode_mean_tokens"]
    dense = read_json(folder / "2_Dense/config.json")
    assert (dense["in_features"], dense["out_features"]) == (32, 8)


def test_plain_transformers_reads_the_encoder(tiny_encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    model = loaded(tiny_encoder)
    plain = AutoModel.from_pretrained(save_model(model, tmp_path / "m", provenance={})).eval()
    inputs = batch(model)
    with torch.no_grad():
        ours = model.module.encoder(**inputs).last_hidden_state
        assert torch.allclose(plain(**inputs).last_hidden_state, ours, atol=1e-6)


def test_a_student_keeps_the_projection(projected: Model) -> None:
    student = build_student(projected, layers=2, select="uniform", name="s")
    assert student.module.config.num_hidden_layers == 2
    assert torch.equal(student.module.projection.weight, projected.module.projection.weight)


@pytest.mark.parametrize(
    ("file", "change", "fact"),
    [
        (
            "1_Pooling/config.json",
            {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True},
            "pools",
        ),
        ("1_Pooling/config.json", {"pooling_mode": "max"}, "pools by max"),
        ("2_Dense/config.json", {"activation_function": "torch.nn.modules.activation.Tanh"}, "activation"),
    ],
)
def test_folders_that_would_give_other_embeddings_are_refused(
    projected: Model, tmp_path: Path, file: str, change: dict, fact: str
) -> None:
    folder = save_model(projected, tmp_path / "m", provenance={})
    write_json(folder / file, {**read_json(folder / file), **change})
    with pytest.raises(ModelError, match=fact) as caught:
        loaded(folder)
    assert "sentence encoder" in caught.value.remedy


def test_a_module_without_a_counterpart_is_refused(projected: Model, tmp_path: Path) -> None:
    folder = save_model(projected, tmp_path / "m", provenance={})
    modules = read_json(folder / "modules.json")
    write_json(folder / "modules.json", [*modules, {"path": "", "type": "sentence_transformers.models.LSTM"}])
    with pytest.raises(ModelError, match="applies LSTM"):
        loaded(folder)
