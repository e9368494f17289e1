"""Which tokens have a loss, and which have none."""

from __future__ import annotations

import pytest
import torch

from edgekit.errors import DataError, ModelError
from edgekit.scores import IGNORED
from edgekit.tune.batches import Collator, check_packing, learned_tokens, make_rows
from edgekit.tune.examples import encode, encode_all, hold_out
from edgekit.tune.learner import Learner, summed_loss
from tests.decoder_examples import example
from tests.tune.tune_examples import PAIRS, tokenizer

CHAT = [
    {"role": "user", "content": "the cat"},
    {"role": "assistant", "content": "sat on"},
    {"role": "user", "content": "the mat"},
    {"role": "assistant", "content": "café"},
]


@pytest.fixture(scope="module")
def words():
    return tokenizer()


def said(words, found, *, learned):
    return words.decode([i for i, wanted in zip(found.ids, found.learned, strict=True) if wanted is learned])


def test_a_prompt_has_no_loss_and_a_completion_ends_in_a_stop_token(words):
    found = encode({"prompt": "the cat ", "completion": "sat on"}, words, place="row 1")
    assert said(words, found, learned=False) == "the cat "
    assert said(words, found, learned=True) == "sat on<|end|>"
    # As a prompt is before the model writes on after it.
    assert list(found.ids[: found.learned.index(True)]) == words("the cat ")["input_ids"]


def test_of_several_turns_only_what_the_assistant_says_has_a_loss(words):
    found = encode({"messages": CHAT}, words, place="row 1")
    assert words.decode(found.ids) == (
        "<|user|>the cat<|end|><|assistant|>sat on<|end|><|user|>the mat<|end|><|assistant|>café<|end|>"
    )
    assert said(words, found, learned=True) == "sat on<|end|>café<|end|>"


def test_a_text_is_learned_whole(words):
    found = encode({"text": "the cat sat"}, words, place="row 1")
    assert said(words, found, learned=True) == "the cat sat<|end|>"


def test_a_template_that_rewrites_earlier_turns_is_refused(words):
    one_turn = tokenizer()
    one_turn.chat_template = "{{ messages[-1].content }}{% if add_generation_prompt %}:{% endif %}"
    with pytest.raises(ModelError, match="earlier turn"):
        encode({"messages": CHAT}, one_turn, place="row 1")


@pytest.mark.parametrize(
    "row", [{"prompt": "a"}, {"messages": [{"role": "user", "content": "a"}]}, {"text": 3}, {"messages": "a"}]
)
def test_rows_of_no_form_are_refused_by_their_number(words, row):
    with pytest.raises(DataError, match="row 2"):
        encode_all([{"text": "a b"}, row], words, max_length=9, origin="pairs.jsonl")


def test_rows_whose_completion_is_cut_off_are_left_out(words):
    rows = [{"prompt": "the cat sat on the mat " * 9, "completion": "a"}, {"text": "the mat"}]
    kept, left_out = encode_all(rows, words, max_length=16, origin="rows")
    assert (len(kept), left_out) == (1, 1)
    with pytest.raises(DataError, match="token to learn"):
        encode_all(rows[:1], words, max_length=16, origin="rows")


def test_the_held_out_share_is_disjoint():
    train, held = hold_out(50, 0.1, seed=1)
    assert len(held) == 5 and sorted(train + held) == list(range(50))
    assert hold_out(50, 0.0, seed=1)[1] == []
    with pytest.raises(DataError):
        hold_out(1, 0.5, seed=1)


def test_the_loss_is_that_of_the_learned_tokens_by_hand(words):
    model = example("llama", vocab_size=len(words))
    rows, _ = encode_all(PAIRS[:5], words, max_length=64, origin="rows")
    collate = Collator(make_rows(rows, packing=False, max_length=64), packing=False, pad_id=0, device="cpu")
    batch = collate(range(5))
    by_hand = 0.0
    for row in rows:
        with torch.no_grad():
            chances = model(torch.tensor([row.ids])).logits[0].log_softmax(-1)
        by_hand -= sum(float(chances[t - 1, row.ids[t]]) for t in range(1, len(row)) if row.learned[t])
    with torch.no_grad():
        found = summed_loss(model, batch.inputs, batch.labels)
    assert float(found) == pytest.approx(by_hand, rel=1e-5)
    assert int((batch.labels != IGNORED).sum()) == sum(learned_tokens((row,)) for row in rows)


@pytest.mark.parametrize("name", ["llama", "mistral", "gemma3", "gpt2"])
def test_packed_rows_give_the_loss_of_their_texts_alone(words, name):
    model = example(name, vocab_size=len(words), max_position_embeddings=128)
    check_packing(model)
    examples, _ = encode_all(PAIRS[:12], words, max_length=60, origin="rows")
    losses = []
    for packing in (False, True):
        rows = make_rows(examples, packing=packing, max_length=60)
        batch = Collator(rows, packing=packing, pad_id=0, device="cpu")(range(len(rows)))
        with torch.no_grad():
            losses.append(float(summed_loss(model, batch.inputs, batch.labels)))
    assert len(rows) < len(examples)
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_a_family_that_mixes_packed_texts_is_refused():
    with pytest.raises(ModelError, match="keep packed texts apart"):
        check_packing(example("falcon-multi-query"))


def test_a_step_is_the_same_however_its_rows_are_divided(words):
    model = example("llama", vocab_size=len(words))
    rows = make_rows(
        encode_all(PAIRS[:6], words, max_length=64, origin="rows")[0], packing=False, max_length=64
    )
    collate = Collator(rows, packing=False, pad_id=0, device="cpu")
    learner = Learner(model, tokens_per_row=sum(map(learned_tokens, rows)) / 6)
    with torch.no_grad():
        whole = float(learner(collate(range(6)))["completion"])
        parts = [
            float(learner(collate(part))["completion"]) * len(part) / 6 for part in ([0, 3], [1, 2, 4, 5])
        ]
    assert sum(parts) == pytest.approx(whole, rel=1e-5)
