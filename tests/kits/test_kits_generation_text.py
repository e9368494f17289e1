"""Tokens as bytes and as text that streams: what `edgekit generate` streams, however the tokenizer spells."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
import small_tokenizers as small
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from edgekit.errors import ExportError
from edgekit.kits.generation.text import PieceStream, decoded, token_pieces
from edgekit.runtimes.decoder_text import TextStream
from tests.decoder_examples import SAYINGS, tokenizer

BYTES = tuple(bytes([byte]) for byte in range(256))


def byte_level() -> Any:
    fast = tokenizer()
    fast.add_tokens(["<tool é>"])  # not special: it is text
    return fast


def sentence_piece() -> Any:
    """As Llama 2 has it: bytes for unknown characters, and a space that the beginning loses."""
    spec = json.loads(small.llama2().to_str())
    spec["added_tokens"] = [token for token in spec["added_tokens"] if token["content"] not in small.BYTES]
    made = Tokenizer.from_str(json.dumps(spec))
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<s>")


@pytest.mark.parametrize("make", [byte_level, sentence_piece])
def test_pieces_are_the_text_that_edgekit_generate_streams(make: Any) -> None:
    processor = make()
    pieces, strip = token_pieces(processor, vocabulary=len(processor) + 3)
    assert strip == (make is sentence_piece) and pieces[-3:] == (None,) * 3
    texts = [
        *SAYINGS,
        " a",
        "  two spaces",
        "tabs\tand\nlines\r\n",
        "<tool é>",
        "<|end|>",
        "ﷺ 👩‍👩‍👧‍👦 \u202e",
    ]
    for text in texts:
        ids = processor(text, add_special_tokens=False)["input_ids"]
        for stop in ((), ("ö", "a"), ("cat s", "cat x"), (text[2:5] or "?",)):
            ours, theirs = PieceStream(pieces, strip=strip, stop=stop), TextStream(processor, stop)
            assert _all(ours, ids) == _all(theirs, ids), (text, stop)
            assert ours.stopped == theirs.stopped


def _all(stream: Any, ids: Sequence[int]) -> str:
    return "".join([*(stream.add(token) for token in ids), stream.end()])


def test_special_tokens_add_nothing() -> None:
    processor = byte_level()
    pieces, _ = token_pieces(processor, vocabulary=len(processor))
    assert pieces[processor.eos_token_id] is None and "<tool é>".encode() in pieces


@given(st.binary(max_size=40))
def test_bytes_that_are_no_text_are_marked_as_python_marks_them(data: bytes) -> None:
    stream = PieceStream(BYTES)
    pieces = [stream.add(byte) for byte in data]
    assert "".join(pieces) + stream.end() == data.decode("utf-8", "replace")


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=4), max_size=3), st.randoms())
def test_nothing_of_a_stop_text_is_given_out(text: str, stops: list[str], choose: random.Random) -> None:
    if text and stops:
        at = choose.randrange(len(text))
        text = text[:at] + stops[0] + text[at:]
    data = text.encode("utf-8", "replace")
    found = [at for at in map(data.decode().find, stops) if at >= 0]
    assert decoded_with(data, stops) == (data.decode()[: min(found)] if found else data.decode())


def decoded_with(data: bytes, stops: Sequence[str]) -> str:
    return _all(PieceStream(BYTES, stop=stops), list(data))


def test_a_character_is_given_out_when_it_is_whole_and_not_later() -> None:
    stream = PieceStream(BYTES, stop=("abc",))
    assert [stream.add(byte) for byte in "é€ab€".encode()] == ["", "é", "", "", "€", "", "", "", "", "ab€"]
    assert stream.end() == ""


def test_spaces_are_lost_at_the_beginning_alone() -> None:
    assert decoded((b" a", b" b", None), [2, 0, 1], strip=1) == "a b"
    assert (
        decoded((b"  a", b" "), [1, 0], strip=1) == "  a" and decoded((b"a", b" b"), [0, 1], strip=1) == "a b"
    )


def test_a_tokenizer_whose_tokens_depend_on_their_neighbours_is_refused() -> None:
    vocabulary = {letter: i for i, letter in enumerate(["<pad>", *"abcdefgh"])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    made.decoder = decoders.CTC(pad_token="<pad>")  # equal neighbours are one
    with pytest.raises(ExportError, match="can't go into a kit"):
        token_pieces(PreTrainedTokenizerFast(tokenizer_object=made), vocabulary=len(vocabulary))
