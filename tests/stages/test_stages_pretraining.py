"""A tiny encoder without a masked-LM head: it gets one, teaches a student to fill masks, and that student
becomes a classifier."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edgekit import progress
from edgekit.data.masking import masked_rows
from edgekit.data.splits import load_splits
from edgekit.data.tokens import tokenise
from edgekit.distill.judge import make_judge
from edgekit.errors import ModelError
from edgekit.files import sha256_path
from edgekit.models.load import load_model
from edgekit.recipe.schema import Recipe, Training
from edgekit.stages.context import Context
from edgekit.stages.masked import MaskedTexts
from edgekit.stages.pretraining import HEADED, pretrained_student, train_pretrained
from edgekit.stages.store import Store
from edgekit.types import Source, Split, Trained

PRETRAIN = {
    "epochs": 8,
    "head_epochs": 4,
    "batch_size": 32,
    "learning_rate": 3e-3,
    "evaluations_per_epoch": 1,
}


@pytest.fixture
def make_context(tiny_encoder: Path, reviews_csv: Path, tmp_path: Path):
    """A context for the tiny encoder; half of the training reviews serve as transfer texts."""

    def make(folder: str = "run", *, student: dict | None = None, **pretrain) -> Context:
        recipe = Recipe.model_validate(
            {
                "name": "tiny",
                "device": "cpu",
                "precision": "fp32",
                "data": {"source": {"path": reviews_csv}, "max_length": 32},
                "teacher": {"model": {"path": tiny_encoder}, "finetune": {}},
                "student": {"layers": 2, **(student or {})},
                "pretrain": {**PRETRAIN, **pretrain},
            }
        )
        splits = load_splits(reviews_csv, recipe.data, seed=0)
        half = len(splits.train) // 2
        splits = replace(
            splits,
            train=Split(splits.train.inputs[:half], splits.train.labels[:half]),
            unlabelled=Split(splits.train.inputs[half:]),
        )
        source = Source("tiny", sha256_path(tiny_encoder), tiny_encoder)
        return Context(recipe, Store(tmp_path / folder), {"teacher": source}, splits)

    return make


def weights(trained: Trained) -> bytes:
    return (trained.path / "model.safetensors").read_bytes()


def test_a_student_learns_to_fill_masks_and_becomes_a_classifier(make_context):
    context = make_context()
    trained = train_pretrained(context)
    losses = [point.train_loss for point in trained.curve]
    assert losses[-1] < 0.9 * losses[0]
    hidden, truth = masked_rows(
        tokenise(context.processor, context.splits.validation.inputs, 32), context.processor
    )
    masked = Counter(token for row in truth for token in row if token != -100)
    unigram = masked.most_common(1)[0][1] / masked.total()
    assert max(point.validation_score for point in trained.curve) > 1.5 * unigram

    # The folder is a plain masked language model in Hub layout.
    from transformers import AutoModelForMaskedLM

    module = AutoModelForMaskedLM.from_pretrained(trained.path).eval()
    assert module.config.num_hidden_layers == 2
    with torch.no_grad():
        right = sum(
            int(module(torch.tensor([row["input_ids"]])).logits[0, place].argmax() == token)
            for row, tokens in zip(hidden, truth, strict=True)
            for place, token in enumerate(tokens)
            if token != -100
        )
    assert right / masked.total() == pytest.approx(
        max(point.validation_score for point in trained.curve), abs=1e-6
    )

    teacher = context.base
    student = pretrained_student(context, trained, teacher, name="student")
    assert student.signature == teacher.signature and student.name == "student"
    ours, theirs = student.module.state_dict(), teacher.module.state_dict()
    for name, value in module.state_dict().items():
        if name.startswith("bert."):
            assert torch.equal(ours[name], value), name
    for name in ("classifier.weight", "bert.pooler.dense.weight"):
        assert torch.equal(ours[name], theirs[name]), name


def test_a_teacher_without_a_head_learns_to_fill_masks_first(make_context, tiny_encoder):
    published = sha256_path(tiny_encoder)
    context = make_context(epochs=1)
    train_pretrained(context)
    headed = load_model(
        Source("headed", "0" * 64, context.store.private / HEADED), name="headed", task="masked-lm"
    )
    hidden, truth = masked_rows(
        tokenise(context.processor, context.splits.validation.inputs, 32), context.processor
    )
    judge = make_judge("masked-lm", hidden, truth, model=headed)
    masked = Counter(token for row in truth for token in row if token != -100)
    unigram = masked.most_common(1)[0][1] / masked.total()
    assert judge(headed.module, contextlib.nullcontext, "cpu") > 1.5 * unigram
    assert sha256_path(tiny_encoder) == published, "what was fetched is not touched"


def test_a_teacher_with_a_head_keeps_it(make_context):
    first = make_context(epochs=1, head_epochs=1)
    train_pretrained(first)
    folder = first.store.private / HEADED
    second = make_context("second", epochs=1, head_epochs=0)
    second.sources["teacher"] = Source("headed", sha256_path(folder), folder)
    assert train_pretrained(second) is not None
    assert not (second.store.private / HEADED).exists()


def test_packed_rows_give_the_loss_of_single_ones(make_context, tiny_encoder):
    context = make_context()
    model = load_model(
        Source("tiny", "0" * 64, tiny_encoder), name="tiny", task="masked-lm", fresh_head=True, max_length=32
    )
    rows = tokenise(model.processor, context.splits.train.inputs, 32)
    losses = []
    for packing in (False, True):
        texts = MaskedTexts.of(rows, model, Training(packing=packing), share=0.15, seed=0)
        batch = texts.collator("cpu")(range(len(texts.groups)), 1)
        assert int(batch.mask.sum()) == sum(len(row["input_ids"]) for row in rows)
        with torch.no_grad():
            logits = model.module(**batch.inputs).logits
        losses.append(float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten())))
    assert batch.mask.shape[0] < len(rows) / 2
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_packed_rows_teach_as_well(make_context):
    context = make_context(packing=True)
    trained = train_pretrained(context)
    assert trained.curve[-1].train_loss < 0.9 * trained.curve[0].train_loss


def test_a_killed_stage_continues_to_the_same_weights(make_context):
    whole = train_pretrained(make_context("whole", epochs=2, head_epochs=1))

    class Killed(Exception):
        pass

    class Killer(progress.Silent):
        """Ends the run in the middle of pretraining, after a checkpoint."""

        def bar(self, title, total, unit):
            return _Counting(title)

    class _Counting:
        def __init__(self, title):
            self.title, self.seen = title, 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def advance(self, amount=1):
            self.seen += amount
            if self.title.startswith("Pretrain") and self.seen > 300:
                raise Killed

        def note(self, text):
            return None

    context = make_context("killed", epochs=2, head_epochs=1, checkpoint_every_s=1e-6)
    progress.listen(Killer())
    try:
        with pytest.raises(Killed):
            train_pretrained(context)
    finally:
        progress.listen(progress.Silent())
    assert (context.store.private / "checkpoints" / "pretrained").is_dir()
    again = make_context("killed", epochs=2, head_epochs=1, checkpoint_every_s=1e-6)
    resumed = train_pretrained(again)
    assert [run.reused for run in again.store.runs] == [True, False]
    assert weights(resumed) == weights(whole)
    assert resumed.curve == whole.curve


def test_an_unchanged_stage_is_reused_and_other_texts_run_it_again(make_context):
    train_pretrained(make_context(epochs=1, head_epochs=1))
    same = make_context(epochs=1, head_epochs=1)
    train_pretrained(same)
    assert [run.reused for run in same.store.runs] == [True, True]
    other = make_context(epochs=1, head_epochs=1)
    other.splits = replace(other.splits, fingerprint="other")
    train_pretrained(other)
    assert [run.reused for run in other.store.runs] == [False, False]


def test_a_vocabulary_is_cut_after_pretraining(make_context):
    context = make_context(epochs=1, head_epochs=1, student={"vocabulary": {"min_count": 1000}})
    trained = train_pretrained(context)
    student = pretrained_student(context, trained, context.base, name="student")
    assert student.module.config.vocab_size == len(student.processor) < len(context.processor)


def test_no_pretraining_without_the_section(make_context):
    context = make_context()
    context.recipe = context.recipe.model_copy(update={"pretrain": None})
    assert train_pretrained(context) is None
    assert context.store.runs == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"student": {"architecture": "cnn"}}, "no masked-LM head to pretrain"),
        ({"student": {"model": {"path": "other"}}}, "student.model names another model"),
        ({"head_epochs": 0}, "pretrain.head_epochs is 0"),
    ],
)
def test_what_cannot_be_pretrained_is_refused(make_context, changes, said):
    with pytest.raises(ModelError, match=said) as caught:
        train_pretrained(make_context(**changes))
    assert "pretrain" in caught.value.remedy
