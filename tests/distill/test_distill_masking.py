"""Masks: BERT's 80/10/10, a function of (seed, epoch, index, tokens) alone."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.data.tokens import tokenise
from edgekit.distill.masking import mask_rows
from edgekit.errors import ModelError
from tests.conftest import reviews, save_tiny


@pytest.fixture(scope="module")
def processor(tiny_encoder: Path):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_encoder)


@pytest.fixture(scope="module")
def rows(processor):
    return tokenise(processor, [f"{text} zzz {text}" for text, _ in reviews()], 64)


def masked(rows, processor, indices=None, *, seed=0, epoch=0, share=0.15):
    indices = range(len(rows)) if indices is None else indices
    return mask_rows(rows, indices, seed=seed, epoch=epoch, share=share, processor=processor)


def test_labels_are_the_hidden_tokens_and_everything_else_stays(rows, processor):
    hidden, labels = masked(rows, processor)
    special = set(processor.all_special_ids)
    for row, shown, truth in zip(rows, hidden, labels, strict=True):
        ids = row["input_ids"]
        assert set(shown) == set(row) and shown["attention_mask"] == row["attention_mask"]
        ordinary = [i for i, token in enumerate(ids) if token not in special]
        places = [i for i, token in enumerate(truth) if token != -100]
        assert set(places) <= set(ordinary) and len(places) == max(1, round(0.15 * len(ordinary)))
        assert all(truth[i] == ids[i] for i in places)
        assert all(shown["input_ids"][i] == ids[i] for i in range(len(ids)) if i not in places)
    assert processor.unk_token_id in rows[0]["input_ids"], "an unknown word is there, and never chosen"


def test_eighty_ten_ten(rows, processor):
    counts = {"mask": 0, "kept": 0, "other": 0}
    drawn = set()
    for epoch in range(20):
        hidden, labels = masked(rows, processor, epoch=epoch, share=0.5)
        for shown, truth in zip(hidden, labels, strict=True):
            for token, true in zip(shown["input_ids"], truth, strict=True):
                if true != -100:
                    kind = {processor.mask_token_id: "mask", true: "kept"}.get(token, "other")
                    counts[kind] += 1
                    drawn |= {token} if kind == "other" else set()
    total = sum(counts.values())
    ordinary = len(processor) - len(set(processor.all_special_ids))
    assert total > 30_000  # a standard deviation is below 0.25 points
    assert counts["mask"] / total == pytest.approx(0.8, abs=0.01)
    assert counts["kept"] / total == pytest.approx(0.1 + 0.1 / ordinary, abs=0.01)  # a draw may hit the same
    assert len(drawn) == ordinary and not drawn & set(processor.all_special_ids)


def test_a_row_is_masked_alike_in_any_batch_and_differently_in_any_epoch(rows, processor):
    whole = masked(rows, processor)
    part = masked(rows, processor, [17, 3])
    assert part == ([whole[0][17], whole[0][3]], [whole[1][17], whole[1][3]])
    assert masked(rows, processor) == whole
    assert masked(rows, processor, epoch=1) != whole and masked(rows, processor, seed=1) != whole
    alike = [rows[0], rows[0]]
    (first, second), _ = masked(alike, processor, share=0.5)
    assert first != second, "the same text in another place has other masks"


def test_the_rows_given_are_not_changed(rows, processor):
    before = [list(row["input_ids"]) for row in rows]
    masked(rows, processor)
    assert [row["input_ids"] for row in rows] == before


@settings(max_examples=50)
@given(st.lists(st.integers(0, 56), max_size=12), st.floats(0.001, 0.999), st.integers(0, 2**31 - 1))
def test_any_row_has_a_mask_if_it_has_a_token(processor, ids, share, seed):
    row = {"input_ids": ids, "attention_mask": [1] * len(ids)}
    [shown], [truth] = masked([row], processor, seed=seed, epoch=3, share=share)
    ordinary = [token for token in ids if token not in processor.all_special_ids]
    chosen = sum(token != -100 for token in truth)
    assert len(shown["input_ids"]) == len(truth) == len(ids)
    assert (chosen >= 1) == bool(ordinary) and chosen <= len(ordinary)


def test_a_tokenizer_without_a_mask_is_refused(tmp_path, rows):
    from transformers import AutoTokenizer

    bare = AutoTokenizer.from_pretrained(save_tiny(tmp_path / "bare", labels=None))
    bare.mask_token = None
    with pytest.raises(ModelError, match="no mask token") as caught:
        masked(rows, bare)
    assert "BERT" in caught.value.remedy


def test_logits_of_masked_tokens_alone_give_the_same_losses_and_gradients(tiny_encoder, rows, processor):
    import torch

    from edgekit.distill.collate import Collator
    from edgekit.distill.masking import scored_where_masked
    from edgekit.distill.modes import make_distiller
    from edgekit.distill.teacher import LiveTeacher
    from edgekit.models.load import load_model
    from edgekit.recipe.schema import Distill
    from edgekit.tasks import get_task
    from edgekit.types import Source

    task = get_task("masked-lm")
    torch.manual_seed(0)
    teacher, student = (
        load_model(
            Source("tiny", "0" * 64, tiny_encoder), name=name, task="masked-lm", fresh_head=True, dropout=0.0
        )
        for name in ("teacher", "student")
    )
    distiller = make_distiller(
        Distill(),
        task=task,
        student=student.module,
        classes=len(processor),
        teacher=teacher.module,
        ask=lambda needs: LiveTeacher(teacher.module, needs, autocast=contextlib.nullcontext),
    )
    collate = Collator(
        rows,
        (),
        task,
        signature=student.signature,
        pad_id=0,
        device="cpu",
        masking=lambda indices, epoch: masked(rows, processor, indices, epoch=epoch),
    )
    batch = collate([0, 9, 30, 100], 2)

    def answers() -> tuple[dict[str, float], dict[str, torch.Tensor], list[torch.Size]]:
        shapes: list[torch.Size] = []
        handle = teacher.module.get_output_embeddings().register_forward_hook(
            lambda _, __, out: shapes.append(out.shape)
        )
        distiller.zero_grad()
        terms = distiller(batch)
        sum(terms.values()).backward()
        handle.remove()
        gradients = {
            name: p.grad.clone() for name, p in student.module.named_parameters() if p.grad is not None
        }
        return {name: float(value.detach()) for name, value in terms.items()}, gradients, shapes

    whole, gradients, shapes = answers()
    with scored_where_masked(distiller, student.module, teacher.module):
        few, same, fewer = answers()
        full = student.module(**batch.inputs).logits
    assert set(whole) == {"labels", "soft_targets", "hidden_cosine"}
    assert few == pytest.approx(whole, abs=1e-6)
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, same[name], atol=1e-6), name
    assert shapes[0][:2] == batch.mask.shape and fewer[0][:1] == ((batch.labels != -100).sum(),)
    assert full.shape[:2] == batch.mask.shape, "outside the distiller nothing changes"
    assert answers()[2] == shapes, "nor afterwards"
