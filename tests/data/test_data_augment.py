import random
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit import progress
from edgekit.data.augment import change, changed_copies, neighbours
from edgekit.data.rows import text_key
from edgekit.recipe.schema import Augment
from tests.conftest import BAD, GOOD, THINGS, reviews

TEXTS = [text for text, _ in reviews()]
WORDS = sorted({word for text in TEXTS for word in text.split() if len(word) > 1 and word.isalpha()})


@pytest.fixture(scope="module")
def processor(tiny_encoder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_encoder)


@pytest.fixture(scope="module")
def table(processor):
    """Three kinds of words, each near a direction of its own; within a kind, in a known order."""
    rows = np.random.default_rng(0).normal(size=(len(processor), 8)).astype(np.float32)
    rows[:, :3] = 0
    for axis, kind in enumerate((GOOD, BAD, THINGS)):
        for place, word in enumerate(kind):
            token = processor.convert_tokens_to_ids(word)
            rows[token] = 0
            rows[token, axis] = 10
            rows[token, 3] = place
    return rows


def copies(processor, table, texts=TEXTS, seed=0, **fields):
    return list(changed_copies(texts, Augment(**fields), processor=processor, table=table, seed=seed))


def test_neighbours_are_the_closest_whole_words(processor, table):
    near = neighbours(TEXTS, processor, table, candidates=3)
    assert near["moving"] == ["superb", "warm", "clever"]
    assert near["warm"][0] in ("superb", "clever") and set(near["warm"]) <= set(GOOD)
    assert all(word not in others and len(others) == 3 for word, others in near.items())
    assert "," not in near and "a" not in near
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    ids = processor.convert_tokens_to_ids(WORDS)
    best = [WORDS[i] for i in np.argsort(-(unit[ids] @ unit[ids[WORDS.index("sadly")]]))]
    assert near["sadly"] == best[1:4]


def test_a_byte_level_tokenizer_gives_words_without_its_space_marks():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<pad>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    made.train_from_iterator(TEXTS * 3, trainer)
    bpe = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>")
    rows = np.random.default_rng(0).normal(size=(len(bpe), 8))
    near = neighbours(TEXTS, bpe, rows, candidates=5)
    assert {"film", "superb", "clumsy"} <= set(near)
    assert all(other.isalpha() and other.isascii() for others in near.values() for other in others)


def test_copies_come_round_by_round_and_never_equal_their_text(processor, table):
    made = copies(processor, table, copies=3)
    assert len(made) == 3 * len(TEXTS)
    for i, copy in enumerate(made):
        text = TEXTS[i % len(TEXTS)]
        assert copy != text and copy.strip()
        assert set(copy.split()) & set(text.split()), "a copy is near its own text"


def test_a_copy_depends_on_seed_number_and_text_alone(processor, table):
    made = copies(processor, table, copies=2)
    assert made == copies(processor, table, copies=2)
    assert copies(processor, table, copies=4)[: len(made)] == made
    assert copies(processor, table, texts=TEXTS[5:9]) == made[5:9]
    assert made[: len(TEXTS)] != made[len(TEXTS) :]
    assert copies(processor, table, seed=1) != copies(processor, table)


def test_only_what_is_asked_for_is_changed(processor, table):
    kind = {word: i for i, words in enumerate((GOOD, BAD, THINGS)) for word in words}
    fields = {"drop": 0.0, "swap": 0.0, "replace": 1.0, "candidates": 3}
    for text, copy in zip(TEXTS, copies(processor, table, **fields), strict=True):
        before, after = text.split(), copy.split()
        assert len(before) == len(after)
        for old, new in zip(before, after, strict=True):
            assert old not in kind or kind[old] == kind[new]
            assert (old != new) == (old in WORDS)
    for text, copy in zip(TEXTS, copies(processor, table, replace=0, swap=0, drop=0.3), strict=True):
        left = iter(text.split())
        assert all(word in left for word in copy.split()), "a subsequence"
    for text, copy in zip(TEXTS, copies(processor, table, replace=0, drop=0, swap=0.3), strict=True):
        assert Counter(copy.split()) == Counter(text.split())


@pytest.mark.parametrize("field", ["replace", "drop"])
def test_the_share_is_that_of_the_recipe(field):
    text = " ".join(f"word{chr(97 + i % 26)}{i}" for i in range(2000))
    near = {word: ["other"] for word in text.split()}
    shares = {"replace": 0.0, "drop": 0.0, "swap": 0.0, field: 0.2}
    made = change(text, Augment(**shares), near, random.Random(0).random).split()
    changed = made.count("other") if field == "replace" else 2000 - len(made)
    assert 340 < changed < 460  # 5 standard deviations


def test_words_of_several_pieces_are_dropped_or_swapped_instead():
    text = "alpha beta gamma delta"
    made = [
        change(text, Augment(replace=1.0, drop=0.1, swap=0.1), {}, random.Random(i).random)
        for i in range(200)
    ]
    assert all(copy != text and set(copy.split()) <= set(text.split()) for copy in made)
    assert {len(copy.split()) for copy in made} >= {2, 3, 4}
    alone = change(text, Augment(replace=1.0, drop=0.0, swap=0.0), {}, random.Random(0).random)
    assert alone == text, "nothing else was allowed"


def test_punctuation_and_capitals_stay():
    near = {"dull": ["bland"], "film": ["story"], "usa": ["france"]}
    config = Augment(replace=1.0, drop=0.0, swap=0.0)
    draw = random.Random(0).random
    assert change("(Dull) film, the USA!", config, near, draw) == "(Bland) story, the FRANCE!"
    only_drop = Augment(replace=0.0, drop=1.0, swap=0.0)
    assert change("one, two; three!", only_drop, {}, draw) == ",; three!", "the last word is kept"


def test_one_word_is_replaced_or_left_but_never_lost():
    draw = random.Random(0).random
    assert change("dull", Augment(replace=0.001), {"dull": ["bland"]}, draw) == "bland"
    assert change("dull", Augment(drop=1.0), {}, draw) == "dull"
    assert change("  !? ", Augment(), {}, draw) == "!?"


def test_both_parts_of_a_pair_are_changed(processor, table):
    pairs = [(TEXTS[i], TEXTS[i + 1]) for i in range(0, 40, 2)]
    made = copies(processor, table, texts=pairs, copies=2)
    for i, copy in enumerate(made):
        assert isinstance(copy, tuple) and len(copy) == 2
        assert all(new != old for new, old in zip(copy, pairs[i % len(pairs)], strict=True))


@given(
    st.text(max_size=40),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.001, 1),
    st.randoms(use_true_random=False),
)
def test_any_text_gives_a_text(text, replace, drop, swap, stream):
    near = {"a": ["b"], "b": ["a", "c"]}
    made = change(text, Augment(replace=replace, drop=drop, swap=swap), near, stream.random)
    assert bool(made.strip()) == bool(text.strip())
    if text_key(made) == text_key(text):
        words = re.findall(r"\w+(?:['’-]\w+)*", text)
        assert len(words) <= 1 or len(set(words)) == 1 or not (drop or replace)


def test_progress_is_shown(processor, table, monkeypatch):
    told = []

    class Listener(progress.Silent):
        def bar(self, title, total, unit):
            told.append((title, total, unit))
            return super().bar(title, total, unit)

    monkeypatch.setattr(progress, "_listener", Listener())
    copies(processor, table, copies=2)
    assert told == [("Augment", 2 * len(TEXTS), "texts")]
