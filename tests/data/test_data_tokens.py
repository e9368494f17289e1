import contextlib

import pytest

from edgekit import progress
from edgekit.data.tokens import TokenStats, tokenise, tokenise_with_stats

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "quiet",
    "film",
    "dull",
    "##ness",
    "was",
    "it",
    "?",
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from transformers import BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)}).save_pretrained(folder)
    return BertTokenizerFast.from_pretrained(folder)


def ids(*words: str) -> list[int]:
    return [WORDS.index(word) for word in words]


def test_rows_are_unpadded_and_named_as_the_tokenizer_names_them(tokenizer):
    rows = tokenise(tokenizer, ["A quiet film", "dullness"], 16)
    assert [list(row) for row in rows] == [tokenizer.model_input_names] * 2
    assert rows[0]["input_ids"] == ids("[CLS]", "a", "quiet", "film", "[SEP]")
    assert rows[1] == {
        "input_ids": ids("[CLS]", "dull", "##ness", "[SEP]"),
        "token_type_ids": [0, 0, 0, 0],
        "attention_mask": [1, 1, 1, 1],
    }


def test_pairs_carry_their_segment(tokenizer):
    [row] = tokenise(tokenizer, [("was it dull ?", "a film")], 16)
    assert row["input_ids"] == ids("[CLS]", "was", "it", "dull", "?", "[SEP]", "a", "film", "[SEP]")
    assert row["token_type_ids"] == [0] * 6 + [1] * 3


def test_long_rows_are_cut_and_counted_and_keep_their_closing_token(tokenizer):
    texts = ["a film " * 20, "a film", "a " * 6, "a " * 7]
    rows, stats = tokenise_with_stats(tokenizer, texts, 8)
    assert [len(row["input_ids"]) for row in rows] == [8, 4, 8, 8]
    assert rows[0]["input_ids"] == ids("[CLS]", *["a", "film"] * 3, "[SEP]")
    assert stats == TokenStats(rows=4, max_length=8, p50=8, p90=42, p99=42, longest=42, cut=2)
    assert stats.cut_share == 0.5


def test_the_same_rows_as_the_tokenizer_gives_by_itself(tokenizer):
    texts = ["a quiet film " * (i % 9) + "?" for i in range(2500)]
    whole = tokenizer(texts, truncation=True, max_length=12)
    assert tokenise(tokenizer, texts, 12) == [
        {name: whole[name][i] for name in tokenizer.model_input_names} for i in range(len(texts))
    ]


def test_nothing_gives_nothing(tokenizer):
    rows, stats = tokenise_with_stats(tokenizer, [], 8)
    assert (rows, stats.rows, stats.longest, stats.cut_share) == ([], 0, 0, 0.0)


class Recorder:
    def __init__(self):
        self.bars, self.done = [], 0.0

    @contextlib.contextmanager
    def bar(self, title, total, unit):
        self.bars.append((title, total, unit))
        yield self

    def advance(self, amount=1):
        self.done += amount

    def note(self, text):
        pass

    def say(self, text):
        pass


def test_many_rows_show_progress_and_few_do_not(tokenizer, monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(progress, "_listener", recorder)
    tokenise(tokenizer, ["a film"] * 100, 8)
    assert recorder.bars == []
    tokenise(tokenizer, ["film"] * 20_001, 8)
    assert recorder.bars == [("Tokenise", 20_001, "rows")]
    assert recorder.done == 20_001
