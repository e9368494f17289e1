"""Every family's twin computes what transformers computes, for every task, and cuts what can't be reached."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from family_examples import CLASSES, CONFIGS, inputs, make, signature_of

from edgekit.errors import ExportError, ModelError
from edgekit.models import families
from edgekit.models.families.deberta import align
from edgekit.models.families.generic import Transformers
from edgekit.models.families.sentence import SentenceEncoder
from edgekit.models.families.twin import mean_token, unit_length
from edgekit.models.load import load_model, usable_length
from edgekit.models.student import build_student
from edgekit.models.students.layers import with_layers
from edgekit.models.tasks import dummy_inputs
from edgekit.types import Model, Source


def answer(module, task: str, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """What transformers says; per-token answers at padding are zeros."""
    out = module(**given)
    mask = given["attention_mask"].unsqueeze(-1)
    if task == "sentence-embedding":
        mean = (out.last_hidden_state * mask).sum(1) / mask.sum(1)
        return torch.nn.functional.normalize(mean, dim=-1)
    return out.logits * mask if out.logits.ndim == 3 else out.logits


@pytest.mark.parametrize("task", CLASSES)
@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_a_twin_computes_what_transformers_does(name: str, task: str) -> None:
    module = make(name, task)
    longest = usable_length(module)
    assert longest is not None
    for max_length, lengths in ((None, (1, 2, 9, longest)), (33, (1, 20, 33))):
        twin = families.export_module(module, max_length=max_length, task=task)
        assert not isinstance(twin, Transformers)
        for length in lengths:
            given = inputs(module, batch=4, length=length)
            expected, got = answer(module, task, given), twin(**given)
            if got.ndim == 3:
                got = got * given["attention_mask"].unsqueeze(-1)
            assert got.shape == expected.shape
            assert (got - expected).abs().max() <= 1e-5, (length, max_length)


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_padding_changes_nothing(name: str) -> None:
    module = make(name)
    twin = families.export_module(module, max_length=32)
    given = inputs(module, batch=1, length=11)
    padding = {"input_ids": module.config.pad_token_id, "attention_mask": 0, "token_type_ids": 0}
    padded = {n: torch.nn.functional.pad(x, (0, 13), value=padding[n]) for n, x in given.items()}
    assert (twin(**padded) - twin(**given)).abs().max() <= 2e-6


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_a_student_of_every_family_is_cut_and_gets_its_twin(name: str) -> None:
    module = make(name)
    parent = Model("parent", module, None, signature_of(module), Source("p", "0" * 64, Path()))
    student = build_student(parent, layers=1, select="uniform", name="student")
    given = inputs(module, batch=3, length=9)
    twin = families.export_module(student.module, max_length=32)
    assert (twin(**given) - student.module(**given).logits).abs().max() <= 1e-5
    assert set(dummy_inputs(student.module, parent.signature, batch=2, length=9)) == set(given)


@pytest.mark.parametrize("projected", [False, True])
@torch.no_grad()
def test_a_sentence_encoder_keeps_its_projection(projected: bool) -> None:
    encoder = make("mpnet", "sentence-embedding")
    encoder.config.sentence_size = 12 if projected else None
    module = SentenceEncoder(encoder.config, encoder).eval()
    twin = families.export_module(module, max_length=32, task="sentence-embedding")
    given = inputs(encoder, batch=3, length=9)
    got = twin(**given)
    assert got.shape == (3, 12 if projected else 32)
    assert (got - module(**given).logits).abs().max() <= 1e-6


def test_positions_beyond_the_maximum_length_are_left_out() -> None:
    rows = {"bert": 16, "roberta": 18, "mpnet": 18, "electra": 16, "distilbert": 16}
    for name, expected in rows.items():
        twin = families.export_module(make(name), max_length=16)
        table = next(p for n, p in twin.named_parameters() if n.endswith("position_embeddings.weight"))
        assert len(table) == expected, name
    twin = families.export_module(make("deberta-v3"), max_length=16)
    assert twin.deberta.encoder.layer[0].attention.self.pos_key.weight.shape == (31, 32)
    twin = families.export_module(make("modernbert"), max_length=16)
    assert twin.model.full_attention_cos.shape == (16, 8)
    assert {n for n, _ in twin.named_parameters()} == {n for n, _ in make("modernbert").named_parameters()}


def test_positions_that_start_behind_the_padding_id_hold_fewer_tokens() -> None:
    limits = {name: usable_length(make(name)) for name in ("bert", "distilbert", "roberta", "mpnet")}
    assert limits == {"bert": 64, "distilbert": 64, "roberta": 62, "mpnet": 62}


def test_token_types_that_say_nothing_are_no_input(make_tiny, tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "m", labels=("negative", "positive"))
    vocabulary = load_model(Source("t", "0" * 64, folder), name="t").module.config.vocab_size
    make("deberta-v3", vocab_size=vocabulary).save_pretrained(folder)
    model = load_model(Source("t", "0" * 64, folder), name="t")
    assert "token_type_ids" in model.processor.model_input_names
    assert [spec.name for spec in model.signature.inputs] == ["input_ids", "attention_mask"]


def test_what_a_family_does_not_build_is_left_to_transformers() -> None:
    strange = {
        "bert": {"hidden_act": "quick_gelu"},
        "distilbert": {"activation": "quick_gelu"},
        "mpnet": {"hidden_act": "quick_gelu"},
        "modernbert": {
            "rope_parameters": {
                kind: {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}
                for kind in ("full_attention", "sliding_attention")
            }
        },
        "deberta-v2-xlarge": {"conv_act": "quick_gelu"},
    }
    for name, change in strange.items():
        assert isinstance(families.export_module(make(name, **change)), Transformers), name


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ExportError, match="do not fit its export module"):
        families.export_module(make("mpnet", "masked-lm"), task="token-classification")
    module = make("deberta-v3")
    module.config.hidden_size = 24
    with pytest.raises(ExportError, match="do not fit its export module"):
        families.export_module(module)


def test_a_decoder_shares_the_token_table() -> None:
    for name in ("bert", "roberta", "distilbert", "mpnet", "modernbert", "deberta-v3", "deberta-v3-new-head"):
        module = make(name, "masked-lm")
        twin = families.export_module(module, task="masked-lm")
        assert sum(tuple(p.shape) == (90, 32) for p in twin.parameters()) == 1, name


def test_alignment_puts_each_distance_in_its_place() -> None:
    scores = torch.tensor([[10, 11, 12, 13, 14], [20, 21, 22, 23, 24], [30, 31, 32, 33, 34]])[None, None]
    assert align(scores)[0, 0].tolist() == [[12, 13, 14], [21, 22, 23], [30, 31, 32]]


def test_pooling_and_length_stay_inside_fp16() -> None:
    hidden = torch.full((1, 512, 768), 200.0, dtype=torch.float16)  # its sum and its squares are infinite
    mean = mean_token(hidden, torch.ones(1, 512, dtype=torch.int64))
    assert mean.isfinite().all() and (mean - 200).abs().max() <= 1
    unit = unit_length(mean)
    assert abs(float(unit.float().norm()) - 1) <= 2e-3
    assert unit_length(torch.zeros(1, 8)).isfinite().all()


def test_a_modernbert_student_begins_with_the_first_layer():
    module = make("modernbert")
    assert with_layers(module, (0, 1)).config.num_hidden_layers == 2
    with pytest.raises(ModelError, match="can't begin with layer 1"):
        with_layers(module, (1,))
