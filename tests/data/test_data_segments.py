"""Two tokenizers on one text: which tokens they share, and none is counted twice or lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.data.documents import LENGTHS, text_documents, token_blocks
from edgekit.data.segments import of_next_tokens, segments
from edgekit.models.students.vocabulary import trim
from tests.decoder_examples import SAYINGS, tokenizer

TEXTS = st.lists(st.one_of(st.sampled_from(SAYINGS), st.text(max_size=12)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def both() -> tuple[Any, Any]:
    """A tokenizer, and the same without most of its merged tokens."""
    whole = tokenizer()
    ids = whole("the cat")["input_ids"]
    return whole, trim(whole, dict.fromkeys(ids, 1)).processor


def test_by_hand(both: tuple[Any, Any]) -> None:
    whole, cut = both
    text = "the mat"
    assert whole.convert_ids_to_tokens(whole(text)["input_ids"]) == ["the", "Ġ", "mat"]
    mine = cut.convert_ids_to_tokens(cut(text)["input_ids"])
    [(alike, theirs)] = segments(cut, whole, [text])
    assert mine == ["the", "Ġ", "m", "at"]
    assert alike == [True, True, False, False, True]  # the end-of-text token at last
    assert theirs == [1, 1, 0, 1, 1]


@settings(max_examples=80, deadline=None)
@given(texts=TEXTS)
def test_every_token_is_counted_once(both: tuple[Any, Any], texts: list[str]) -> None:
    whole, cut = both
    told = list(segments(cut, whole, texts))
    documents = zip(text_documents(cut, texts), text_documents(whole, texts), told, strict=True)
    for mine, theirs, (alike, counts) in documents:
        assert len(alike) == len(counts) == len(mine) and sum(counts) == len(theirs)
        shared = [cut.convert_ids_to_tokens(i) for i, same in zip(mine, alike, strict=True) if same]
        left = iter(whole.convert_ids_to_tokens(theirs))
        assert all(token in left for token in shared), "the shared tokens stand in both, in one order"
        assert all(count == 1 for count, same in zip(counts, alike, strict=True) if same)


def test_the_same_tokenizer_has_all_in_common(both: tuple[Any, Any]) -> None:
    whole, _ = both
    for alike, theirs in segments(whole, whole, SAYINGS):
        assert all(alike) and set(theirs) == {1}


def test_marks_stand_at_the_token_before(both: tuple[Any, Any]) -> None:
    whole, cut = both
    blocks = token_blocks(cut, SAYINGS, 7)
    flat = [mark for alike, _ in segments(cut, whole, SAYINGS) for mark in alike]
    found, counts = of_next_tokens(blocks, segments(cut, whole, SAYINGS))
    start = 0
    for block, marks, counted in zip(blocks, found, counts, strict=True):
        size = len(block["input_ids"])
        ends = {sum(block[LENGTHS][: i + 1]) - 1 for i in range(len(block[LENGTHS]))}
        expected = [0 if i in ends else int(flat[start + i + 1]) for i in range(size)]
        assert list(map(int, marks)) == expected and len(counted) == size
        start += size
