"""Each way to waste a run is refused before it starts, with a fact and a remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from edgekit.data.tokens import tokenise
from edgekit.distill import preflight
from edgekit.distill.see import ModelShape
from edgekit.distill.term_kinds import Embedding
from edgekit.distill.terms import make_terms
from edgekit.errors import DataError, EdgekitError, ModelError, RecipeError, TrainingError
from edgekit.models.load import load_model
from edgekit.models.student import build_student, make_student
from edgekit.recipe.schema import Distill, HardSamples, LossWeights, Objectives, Student
from edgekit.tasks import TASKS
from edgekit.types import Model, Source
from tests.conftest import reviews

CLASS, NUMBER = TASKS["text-classification"], TASKS["text-regression"]
DEEP = ModelShape(layers=6, width=32, heads=4, classes=2)
SHALLOW = ModelShape(layers=3, width=32, heads=4, classes=2)
SILENT = dict.fromkeys(LossWeights.model_fields, 0.0)


def only(**weights: float) -> LossWeights:
    return LossWeights(**{**SILENT, **weights})


@pytest.fixture(scope="module")
def tiny(tiny_classifier: Path) -> Model:
    return load_model(Source("tiny", "0", tiny_classifier), name="teacher")


@pytest.fixture(scope="module")
def rows(tiny: Model) -> list[Any]:
    return list(tokenise(tiny.processor, [text for text, _ in reviews()[:20]], 32))


def settings(config: Distill, *, task=CLASS, student=SHALLOW, teacher=DEEP) -> None:
    preflight.check_settings(config, task=task, student=student, teacher=teacher)


def refused(kind: type[EdgekitError], fact: str, remedy: str) -> Any:
    class Refused:
        def __enter__(self) -> None:
            self.raises = pytest.raises(kind, match=fact)
            self.error = self.raises.__enter__()

        def __exit__(self, *args: Any) -> bool:
            done = self.raises.__exit__(*args)
            assert remedy in self.error.value.remedy, self.error.value.remedy
            return done

    return Refused()


def test_the_defaults_pass() -> None:
    settings(Distill())
    settings(Distill(temperature=4.0, weights=only(soft_targets=1.0)))


def test_soft_targets_of_a_number() -> None:
    one = replace(SHALLOW, classes=1)
    with refused(TrainingError, "soft_targets", "logit_mse"):
        settings(Distill(weights=only(soft_targets=1.0)), task=NUMBER, student=one, teacher=one)


def test_attention_of_a_network_that_has_none() -> None:
    bilstm = ModelShape(layers=1, width=32, heads=None, classes=2)
    with refused(TrainingError, "the student has no attention", "transformer"):
        settings(Distill(weights=only(attention_maps=1.0)), student=bilstm)


def test_a_layer_map_with_layers_that_do_not_exist() -> None:
    config = Distill(weights=only(hidden_mse=1.0), layer_map=((1, 2), (3, 7)))
    with refused(TrainingError, r"\[\[3, 7\]\].* 3 layers and the teacher 6", "uniform"):
        settings(config)


def test_heads_that_can_not_be_compared() -> None:
    config = Distill(weights=only(attention_relations=1.0), objectives={"relation_heads": 12})
    with refused(TrainingError, "12 relation heads", "divisor of 32"):
        settings(config)


def test_different_numbers_of_outputs() -> None:
    with refused(TrainingError, "2 outputs and the teacher 3", "same labels"):
        settings(Distill(), teacher=replace(DEEP, classes=3))


def test_a_temperature_that_leaves_nothing() -> None:
    with refused(RecipeError, "temperature is 50", "logit_mse"):
        settings(Distill(temperature=50.0))
    settings(
        Distill(temperature=50.0),
        student=replace(SHALLOW, classes=30000),
        teacher=replace(DEEP, classes=30000),
    )


def test_a_weight_that_is_nothing_beside_another() -> None:
    with refused(RecipeError, r"weights\.labels \(0\.0001\) is nothing beside soft_targets", "100,000"):
        settings(Distill(weights=only(labels=1e-4, soft_targets=100.0)))


def test_several_texts_in_a_row_that_gets_one_answer() -> None:
    preflight.check_packing(Distill(packing=True), task=TASKS["token-classification"])
    preflight.check_packing(Distill(), task=CLASS)
    with refused(RecipeError, "text-classification", "packing: false"):
        preflight.check_packing(Distill(packing=True), task=CLASS)


def test_losses_between_rows_when_a_row_is_several_texts() -> None:
    tokens = TASKS["token-classification"]
    packed = Distill(packing=True, weights=only(labels=1.0, similarity=1.0, contrastive=0.1))
    with refused(RecipeError, "weights.similarity, distill.weights.contrastive take a row", "packing: false"):
        preflight.check_packing(packed, task=tokens)
    preflight.check_packing(Distill(packing=True, weights=only(hidden_mse=1.0)), task=tokens)
    preflight.check_packing(Distill(weights=only(similarity=1.0)), task=tokens)


def test_every_loss_that_sees_whole_rows_is_known() -> None:
    def sees_rows(name: str) -> bool:
        config = Distill(weights=only(**{name: 1.0}), objectives=Objectives(relation_heads=4))
        term = make_terms(config.weights, config, task=CLASS, student=SHALLOW, teacher=DEEP)[0]
        return isinstance(term, Embedding)

    assert {name for name in SILENT if sees_rows(name)} == set(preflight.WHOLE_ROWS)


def test_labels_that_differ(tiny: Model) -> None:
    preflight.check_labels(tiny, tiny)
    turned = replace(tiny, signature=replace(tiny.signature, labels=("positive", "negative")))
    with refused(ModelError, "label 0 is 'negative' here and 'positive' there", "data.labels"):
        preflight.check_labels(tiny, turned)
    fewer = replace(tiny, signature=replace(tiny.signature, labels=("negative",)))
    with refused(ModelError, "has 2 labels and its teacher teacher 1", "data.labels"):
        preflight.check_labels(tiny, fewer)


def test_tokens_beyond_the_table(tiny: Model, rows: list[Any]) -> None:
    preflight.check_rows(rows, tiny)
    size = tiny.module.config.vocab_size
    foreign = [*rows, {**rows[0], "input_ids": [*rows[0]["input_ids"][:-1], size]}]
    with refused(ModelError, f"row 20 holds token {size}; teacher has {size} tokens", "tokenizer"):
        preflight.check_rows(foreign, tiny)


def test_a_mask_built_from_ids_where_padding_is_the_end_of_a_text(tiny: Model, rows: list[Any]) -> None:
    """With pad_token = [SEP], `mask = ids != pad` hides the separator of every text."""
    end = tiny.processor.sep_token_id
    wrong = [{**row, "attention_mask": [int(i != end) for i in row["input_ids"]]} for row in rows]
    with refused(DataError, "row 0 hides 1 of its .* tokens, the first at position", "pad_token"):
        preflight.check_rows(wrong, tiny)


def test_a_mask_of_another_length(tiny: Model, rows: list[Any]) -> None:
    wrong = [{**rows[0], "attention_mask": rows[0]["attention_mask"][:-1]}]
    with refused(DataError, "row 0 hides", "length"):
        preflight.check_rows(wrong, tiny)


def test_padding_inside_a_text_of_a_model_that_counts_positions_by_it(tiny: Model, rows: list[Any]) -> None:
    from transformers import RobertaConfig, RobertaForSequenceClassification

    config = RobertaConfig(
        vocab_size=tiny.module.config.vocab_size,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        pad_token_id=0,
    )
    counting = replace(tiny, module=RobertaForSequenceClassification(config))
    preflight.check_rows(rows, counting)
    ids = list(rows[0]["input_ids"])
    ids[2] = tiny.processor.pad_token_id
    inside = [{**rows[0], "input_ids": ids}]
    with refused(DataError, r"row 0 holds the padding token \(id 0\) at position 2", "pad_token"):
        preflight.check_rows(inside, counting)
    preflight.check_rows(inside, tiny)  # BERT's positions are 0, 1, 2 …


def test_a_teacher_in_training_mode(tiny: Model) -> None:
    inputs = {"input_ids": torch.tensor([[2, 5, 3]]), "attention_mask": torch.ones(1, 3, dtype=torch.long)}
    preflight.check_steady(tiny.module, inputs)
    tiny.module.bert.encoder.layer[1].train()
    try:
        with refused(TrainingError, r"training mode .*layer\.1", "eval"):
            preflight.check_steady(tiny.module, inputs)
    finally:
        tiny.module.eval()


def test_a_teacher_that_is_random_all_the_same(tiny: Model) -> None:
    inputs = {"input_ids": torch.tensor([[2, 5, 3]]), "attention_mask": torch.ones(1, 3, dtype=torch.long)}
    noise = tiny.module.classifier.register_forward_hook(lambda m, i, out: out + torch.randn_like(out))
    try:
        with refused(TrainingError, "twice and differed", "random"):
            preflight.check_steady(tiny.module, inputs)
    finally:
        noise.remove()


def alignment(config: Distill, same: list[bool], task=CLASS) -> None:
    preflight.check_alignment(config, same, task=task, student=SHALLOW, teacher=DEEP)


def test_hidden_states_of_different_tokens() -> None:
    config = Distill(weights=only(soft_targets=1.0, hidden_cosine=0.5))
    alignment(config, [True, True])
    with refused(ModelError, r"1 of 2 .*distill\.weights\.hidden_cosine compares", "min_count"):
        alignment(config, [True, False])


def test_answers_to_whole_texts_need_no_common_tokens() -> None:
    alignment(Distill(weights=only(labels=1.0, soft_targets=1.0, relation_distance=1.0)), [False, False])


def test_answers_per_token_need_common_tokens() -> None:
    with refused(ModelError, "soft_targets", "tokenizer"):
        alignment(Distill(weights=only(soft_targets=1.0)), [False], TASKS["token-classification"])


@pytest.mark.parametrize("more", [{"mode": "online"}, {"hard_samples": HardSamples()}, {"packing": True}])
def test_a_mode_in_which_both_read_the_same_batch_needs_common_tokens(more: dict[str, Any]) -> None:
    with refused(ModelError, "distill", "tokenizer"):
        alignment(Distill(weights=only(soft_targets=1.0), **more), [False])


def test_hard_samples_need_one_embedding_space(tiny: Model, rows: list[Any], tiny_encoder: Path) -> None:
    cut = build_student(tiny, layers=2, select="uniform", name="student")
    preflight.check_hard_samples(cut, tiny)
    thin = make_student(tiny, Student(layers=2, heads=2), name="thin", rows=rows)
    with refused(ModelError, "16 numbers and the teacher's 32", "hard_samples"):
        preflight.check_hard_samples(thin, tiny)
    embedder = load_model(Source("tiny", "0", tiny_encoder), name="embedder", task="sentence-embedding")
    with refused(ModelError, "embedder .* takes tokens only", "hard_samples"):
        preflight.check_hard_samples(cut, embedder)
    with refused(ModelError, "there are 2 teachers", "more_teachers"):
        preflight.check_hard_samples(cut, tiny, teachers=2)
