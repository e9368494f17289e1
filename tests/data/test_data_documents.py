"""Plain texts become documents, and documents blocks of tokens in which each keeps to itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.data.documents import LENGTHS, count_next, next_tokens, positions, read_documents, token_blocks
from edgekit.data.splits import load_splits
from edgekit.errors import DataError
from edgekit.recipe.schema import Asset, Data

END = 0


class Letters:
    """A tokenizer whose tokens are letters; `begin` is set before every text, as Llama's is."""

    eos_token_id = END

    def __init__(self, begin: tuple[int, ...] = (), end: tuple[int, ...] = ()) -> None:
        self.begin, self.end = list(begin), list(end)

    def __call__(self, texts: list[str], verbose: bool) -> dict[str, list[list[int]]]:
        return {"input_ids": [[*self.begin, *map(ord, text), *self.end] for text in texts]}


def test_documents_end_with_the_end_token_and_fill_blocks() -> None:
    blocks = token_blocks(Letters(), ["ab", "cde", "f"], 5)
    a, b, c, d, e, f = map(ord, "abcdef")
    assert [block["input_ids"] for block in blocks] == [[a, b, END, c, d], [e, END, f, END]]
    assert [block[LENGTHS] for block in blocks] == [[3, 2], [2, 2]]
    assert [block["attention_mask"] for block in blocks] == [[1] * 5, [1] * 4]


def test_the_end_is_learned_and_nothing_is_predicted_across_documents() -> None:
    first, second = token_blocks(Letters(), ["ab", "cde", "f"], 5)
    b, d = ord("b"), ord("d")
    assert next_tokens(first, ignored=-100) == [b, END, -100, d, -100]
    assert positions(first) == [0, 1, 2, 0, 1]
    assert next_tokens(second, ignored=-100) == [END, -100, END, -100]
    assert count_next([first, second]) == 5


def test_what_a_tokenizer_sets_around_a_text_stays_and_is_not_doubled() -> None:
    [block] = token_blocks(Letters(begin=(1,), end=(END,)), ["a", "b"], 16)
    assert block["input_ids"] == [1, ord("a"), END, 1, ord("b"), END]


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text("xyz", max_size=12), max_size=9), length=st.integers(1, 9))
def test_no_token_is_lost_and_all_blocks_but_the_last_are_full(texts: list[str], length: int) -> None:
    blocks = token_blocks(Letters(), texts, length)
    assert [t for block in blocks for t in block["input_ids"]] == [
        t for text in texts for t in [*map(ord, text), END]
    ]
    assert all(len(block["input_ids"]) == length for block in blocks[:-1])
    assert all(sum(block[LENGTHS]) == len(block["input_ids"]) for block in blocks)
    assert all(part > 0 for block in blocks for part in block[LENGTHS])


def test_a_separator_cuts_a_text_into_documents(tmp_path: Path) -> None:
    path = tmp_path / "wiki.utf8"
    path.write_text(
        '<doc id="1">\nOne\n\nof two lines\n</doc>\n<doc id="2">\nTwo\n</doc>\n', encoding="utf-8"
    )
    table = read_documents(path, separator="<doc [^>]*>|</doc>", encoding="utf-8", column="text")
    assert table.columns["text"] == ["One\n\nof two lines", "Two"]


def test_each_line_is_a_document_by_default_and_no_document_is_in_two_splits(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(f"text number {i}" for i in range(40)) + "\n\n", encoding="utf-8")
    data = Data(source=Asset(path=path), format="text")
    splits = load_splits(path, data, seed=0, task="text-generation")
    parts = [splits.train.inputs, splits.validation.inputs, splits.test.inputs]
    assert [len(part) for part in parts] == [32, 4, 4]
    assert len({text for part in parts for text in part}) == 40
    assert splits.train.labels == ()


def test_bytes_of_another_encoding_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes("Grüße".encode("latin-1"))
    with pytest.raises(DataError, match="not utf-8"):
        read_documents(path, separator=r"\n", encoding="utf-8", column="text")
