"""Which rows a stage gets: labelled ones, and for distillation what only a teacher labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.data.rows import text_key
from edgekit.data.splits import load_splits
from edgekit.data.tokens import tokenise
from edgekit.data.transfer import labelled_keys
from edgekit.files import sha256_path
from edgekit.recipe.schema import Recipe
from edgekit.stages.context import Context
from edgekit.stages.store import Store
from edgekit.types import Source, Split

TRANSFER = ("a moving and dull film", "a warm and lazy plot")


@pytest.fixture
def make_context(tiny_encoder: Path, reviews_csv: Path, tmp_path: Path):
    def make(path: Path = reviews_csv, *, task: str = "text-classification", **data) -> Context:
        recipe = Recipe.model_validate(
            {
                "name": "tiny",
                "task": task,
                "data": {"source": {"path": path}, "max_length": 16, **data},
                "teacher": {"model": {"path": tiny_encoder}, "finetune": {}},
            }
        )
        splits = load_splits(path, recipe.data, seed=0, task=task)
        splits = replace(splits, unlabelled=Split(TRANSFER))
        source = Source("tiny", sha256_path(tiny_encoder), tiny_encoder)
        return Context(recipe, Store(tmp_path), {"teacher": source}, splits)

    return make


def decoded(context: Context, rows) -> list[str]:
    return context.processor.batch_decode([row["input_ids"] for row in rows], skip_special_tokens=True)


def test_transfer_rows_follow_the_labelled_ones_without_labels(make_context):
    context = make_context()
    train = context.splits.train
    labelled = context.rows_for(context.processor, transfer=False)
    assert labelled == tokenise(context.processor, train.inputs, 16)
    assert context.labels_for(context.processor, transfer=False) == train.labels
    assert context.rows_for(context.processor)[: len(train)] == labelled
    assert decoded(context, context.rows_for(context.processor)[len(train) :]) == list(TRANSFER)
    assert context.labels_for(context.processor) == (*train.labels, None, None)
    assert context.token_stats.rows == len(train)


def test_changed_copies_come_last_and_stand_in_no_split(make_context):
    context = make_context(augment={"copies": 3})
    assert context.transfer[:2] == TRANSFER
    copies = context.transfer[2:]
    assert 2 * len(context.splits.train) < len(copies) <= 3 * len(context.splits.train)
    keys = [text_key(text) for text in context.transfer]
    assert len(set(keys)) == len(keys) and not set(keys) & labelled_keys(context.splits)
    assert (
        len(context.rows_for(context.processor))
        == len(context.labels_for(context.processor))
        == len(context.splits.train) + len(keys)
    )
    assert context.transfer is context.transfer, "made once"
    assert make_context(augment={"copies": 3}).transfer == context.transfer


def test_the_key_follows_texts_and_augmentation(make_context):
    keys = {
        make_context().transfer_key,
        make_context(augment={"copies": 1}).transfer_key,
        make_context(augment={"copies": 2}).transfer_key,
    }
    other, more = make_context(), make_context()
    other.splits = replace(other.splits, fingerprint="other")
    more.splits = replace(more.splits, unlabelled=Split(("one more text",)))
    assert len(keys | {other.transfer_key, more.transfer_key}) == 5
    assert make_context().transfer_key in keys


def test_a_tokenizer_s_rows_are_made_once_however_often_it_is_loaded(make_context, tiny_encoder):
    from transformers import AutoTokenizer

    context = make_context()
    rows = context.rows_for(context.processor, transfer=False)
    twin = AutoTokenizer.from_pretrained(tiny_encoder)
    twin("cut me", truncation=True, max_length=3)  # what a tokenizer was told last is no part of it
    assert context.rows_for(twin, transfer=False) is rows

    spec = json.loads(twin.backend_tokenizer.to_str())
    spec["model"]["vocab"].pop("superb")
    spec["model"]["vocab"] = {token: i for i, token in enumerate(spec["model"]["vocab"])}
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    trimmed = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(spec)), unk_token="[UNK]", pad_token="[PAD]"
    )
    assert context.rows_for(trimmed, transfer=False) != rows
    assert len(context.labels_for(trimmed)) == len(context.rows_for(trimmed))
    assert context.rows_for(context.processor, transfer=False) is rows


def test_tags_sit_on_the_first_token_of_each_word(make_context, tmp_path):
    path = tmp_path / "tags.jsonl"
    kinds = (("superb", "B-Q"), ("dull", "O"))
    lines = [
        {"text": f"a {word} film x{i}", "label": ["O", tag, "B-T", "O"]}
        for i in range(20)
        for word, tag in kinds
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    context = make_context(path, task="token-classification")
    rows, labels = context.rows_for(context.processor), context.labels_for(context.processor)
    assert len(rows) == len(labels) == len(context.splits.train) + 2 and labels[-1] is None
    names = context.splits.label_names
    for row, label in zip(rows, labels[:-2], strict=False):
        assert len(label) == len(row["input_ids"])
        good = context.processor.convert_tokens_to_ids("superb") in row["input_ids"]
        assert [names[i] for i in label if i != -100] == ["O", "B-Q" if good else "O", "B-T", "O"]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_masked_language_model_is_judged_on_rows_with_masks(make_context, split):
    context = make_context(task="masked-lm")
    context.loaded.clear()
    from transformers import AutoTokenizer

    processor = AutoTokenizer.from_pretrained(context.sources["teacher"].path)
    rows, truth = context.judged(split, processor)
    assert len(rows) == len(truth) == len(getattr(context.splits, split))
    for row, tokens in zip(rows, truth, strict=True):
        places = [i for i, token in enumerate(tokens) if token != -100]
        assert places == [i for i, token in enumerate(row["input_ids"]) if token == processor.mask_token_id]
    assert context.judged(split, processor)[0] is rows
    assert context.labels_for(processor) == (None,) * len(context.rows_for(processor))
