"""Text comes out piece by piece: whole characters only, and nothing of a stop text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.runtimes.decoder_text import UNFINISHED, TextStream
from tests.decoder_examples import SAYINGS, tokenizer

WORDS = tokenizer()


def pieces(ids: list[int], stop: tuple[str, ...] = ()) -> list[str]:
    stream = TextStream(WORDS, stop)
    return [*(stream.add(token) for token in ids), stream.end()]


@pytest.mark.parametrize("text", [*SAYINGS, "👩‍🚀👩‍🚀", "a\u0301 e\u0301", " leading", "été 日本 x"])
def test_characters_of_several_tokens_come_out_whole(text: str) -> None:
    found = pieces(WORDS.encode(text))
    assert "".join(found) == text
    assert not any(UNFINISHED in piece for piece in found)


@given(st.text(max_size=20))
def test_any_text_comes_back(text: str) -> None:
    assert "".join(pieces(WORDS.encode(text))) == text


@given(st.lists(st.integers(1, len(WORDS) - 1), max_size=12))
def test_any_tokens_say_what_they_say_together(ids: list[int]) -> None:
    """Bytes that are no characters too, as a model at a high temperature writes them."""
    assert "".join(pieces(ids)) == WORDS.decode(ids)


def test_special_tokens_say_nothing() -> None:
    ids = [*WORDS.encode("the"), WORDS.eos_token_id, *WORDS.encode(" cat")]
    assert "".join(pieces(ids)) == "the cat"


def test_a_stop_text_ends_the_output_though_it_spans_tokens() -> None:
    stream, found = TextStream(WORDS, ["on the", "never"]), []
    for token in WORDS.encode("the cat sat on the mat"):
        found.append(stream.add(token))
    assert "".join(found) == "the cat sat " and stream.stopped
    assert stream.end() == ""


def test_what_only_looked_like_a_stop_text_is_given_out() -> None:
    assert "".join(pieces(WORDS.encode("the cat"), ("the cathedral",))) == "the cat"
