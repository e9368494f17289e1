"""Loading refuses what would go wrong later, and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edgekit.errors import ModelError
from edgekit.models.load import load_model
from edgekit.types import Source


def source(path: Path) -> Source:
    return Source(uri=str(path), sha256="0" * 64, path=path)


def test_a_classifier_brings_its_own_labels(tiny_classifier: Path) -> None:
    model = load_model(source(tiny_classifier), name="t")
    assert model.signature.labels == ("negative", "positive")
    assert model.signature.max_length == 64, "positions allow no more"
    assert [s.name for s in model.signature.inputs] == ["input_ids", "attention_mask", "token_type_ids"]


def test_an_encoder_gets_a_fresh_head_only_when_it_will_be_trained(tiny_encoder: Path) -> None:
    labels = ("a", "b", "c")
    assert load_model(source(tiny_encoder), name="t", labels=labels, fresh_head=True).module.num_labels == 3
    with pytest.raises(ModelError, match="no classification head") as caught:
        load_model(source(tiny_encoder), name="t", labels=labels)
    assert "finetune" in caught.value.remedy


def test_labels_that_do_not_match_the_head_are_refused(tiny_classifier: Path) -> None:
    with pytest.raises(
        ModelError, match=r"trained for the labels \[negative, positive\]; the data has \[ham, spam\]"
    ):
        load_model(source(tiny_classifier), name="t", labels=("ham", "spam"))
    with pytest.raises(ModelError, match="has a head for 2 labels"):
        load_model(source(tiny_classifier), name="t", labels=("a", "b", "c"), fresh_head=True)


def test_labels_in_another_order_are_refused_with_the_right_order(tiny_classifier: Path) -> None:
    with pytest.raises(ModelError, match="orders its labels") as caught:
        load_model(source(tiny_classifier), name="t", labels=("positive", "negative"))
    assert "[negative, positive]" in caught.value.remedy


def test_a_tokenizer_of_another_vocabulary_size_is_refused(make_tiny, tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "m", labels=("negative", "positive"), vocabulary=5000)
    with pytest.raises(ModelError, match=r"tokenizer has \d+ tokens, but .* 5,000 rows"):
        load_model(source(folder), name="t")
    small = make_tiny(tmp_path / "s", labels=("negative", "positive"), vocabulary=20)
    with pytest.raises(ModelError, match="20 rows"):
        load_model(source(small), name="t")


def test_a_vocabulary_padded_to_a_round_size_is_fine(make_tiny, tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "m", labels=("negative", "positive"), vocabulary=128)
    assert load_model(source(folder), name="t").module.config.vocab_size == 128


def test_weights_of_another_shape_are_refused(make_tiny, tmp_path: Path) -> None:
    a = make_tiny(tmp_path / "a", labels=("negative", "positive"), vocabulary=128)
    b = make_tiny(tmp_path / "b", labels=("negative", "positive"))
    (a / "model.safetensors").write_bytes((b / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match="weights can't be loaded"):
        load_model(source(a), name="t")


def test_a_folder_without_a_tokenizer_is_refused(make_tiny, tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "m", labels=("negative", "positive"))
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match="tokenizer"):
        load_model(source(folder), name="t")


def test_dropout_is_replaced_when_asked(tiny_classifier: Path) -> None:
    model = load_model(source(tiny_classifier), name="t", dropout=0.25)
    rates = {m.p for m in model.module.modules() if isinstance(m, torch.nn.Dropout)}
    assert rates == {0.25}
