"""Where tags and masks lie on tokens."""

import pytest

from edgekit.data.judged import judged_rows
from edgekit.data.masking import masked_rows
from edgekit.data.token_labels import token_labels, word_starts
from edgekit.data.tokens import tokenise
from edgekit.scores import IGNORED
from edgekit.types import Split

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "quiet",
    "dull",
    "##ness",
    "was",
    "it",
    ",",
    "don",
    "'",
    "t",
)


@pytest.fixture(scope="module")
def bert():
    from transformers import BertTokenizerFast

    return BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)})


@pytest.fixture(scope="module")
def byte_level():
    """A byte-level BPE tokenizer as RoBERTa has it: spaces belong to the word after them."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    inner = ByteLevelBPETokenizer()
    inner.train_from_iterator(["it was a quiet film , really"] * 3, vocab_size=300, show_progress=False)
    return PreTrainedTokenizerFast(tokenizer_object=inner._tokenizer, pad_token="<pad>", mask_token="<mask>")


def test_the_first_piece_of_a_word_is_labelled(bert):
    rows, labels = token_labels(bert, ["it was dullness , don't"], [[1, 2, 3, 4, 5]], 16)
    tokens = bert.convert_ids_to_tokens(rows[0]["input_ids"])
    assert tokens == ["[CLS]", "it", "was", "dull", "##ness", ",", "don", "'", "t", "[SEP]"]
    off = IGNORED
    assert labels == [[off, 1, 2, 3, off, 4, 5, off, off, off]]


def test_words_that_are_cut_off_are_not_judged(bert):
    text = "dullness was dullness it"
    rows, starts = word_starts(bert, [text], 6)
    assert len(rows[0]["input_ids"]) == 6 and starts == [[1, 3, 4, None]]
    assert token_labels(bert, [text], [[1, 1, 1, 1]], 6)[1] == [[IGNORED, 1, IGNORED, 1, 1, IGNORED]]


@pytest.mark.parametrize("which", ["bert", "byte_level"])
def test_rows_are_those_of_plain_tokenising(which, request):
    """What is trained, scored, timed and predicted are the same tokens."""
    processor = request.getfixturevalue(which)
    texts = ["it was quiet , really", "dullness", "was it a film ?"]
    rows, starts = word_starts(processor, texts, 16)
    assert rows == tokenise(processor, texts, 16)
    for text, row, firsts in zip(texts, rows, starts, strict=True):
        assert len(firsts) == len(text.split()) and firsts == sorted(set(firsts))
        pieces = processor.convert_ids_to_tokens(row["input_ids"])
        for word, first in zip(text.split(), firsts, strict=True):
            piece = pieces[first].lstrip("Ġ")
            assert word.startswith(piece) or piece == "[UNK]", (word, piece)


def test_bert_is_aligned_as_its_own_word_ids_are(bert):
    words = ["it", "was", "dullness", ",", "quiet"]
    split = bert(words, is_split_into_words=True)
    expected = [split.word_ids().index(i) for i in range(len(words))]
    assert word_starts(bert, [" ".join(words)], 32)[1] == [expected]


def test_masks_are_the_same_whatever_comes_with_a_row(bert):
    rows = tokenise(bert, ["it was quiet , it was dull , it was quietness", "it", "was it dull"], 32)
    hidden, truth = masked_rows(rows, bert)
    assert masked_rows(rows[1:], bert) == (hidden[1:], truth[1:])
    assert masked_rows(rows, bert) == (hidden, truth)
    assert masked_rows(rows, bert, seed=1) != (hidden, truth)


def test_masks_hide_15_in_100_and_no_special_token(bert):
    rows = tokenise(bert, ["it was quiet dull " * 25, "it", ""], 128)
    hidden, truth = masked_rows(rows, bert)
    assert [sum(t != IGNORED for t in row) for row in truth] == [15, 1, 0]
    for row, masked, ids in zip(rows, hidden, truth, strict=True):
        assert masked["attention_mask"] == row["attention_mask"]
        for token, shown, true in zip(row["input_ids"], masked["input_ids"], ids, strict=True):
            assert (shown, true) == ((token, IGNORED) if true == IGNORED else (bert.mask_token_id, token))
        assert masked["input_ids"][0] == bert.cls_token_id
    assert bert.mask_token_id not in rows[0]["input_ids"], "the rows given are left alone"


def test_rows_as_each_task_is_judged(bert):
    split = Split(("it was", "dullness"), ((0, 1), (1,)))
    assert judged_rows("token-classification", bert, split, 16)[1] == [
        [IGNORED, 0, 1, IGNORED],
        [IGNORED, 1, IGNORED, IGNORED],
    ]
    assert judged_rows("multi-label-classification", bert, split, 16)[1] == split.labels
    plain = Split(split.inputs)
    assert judged_rows("sentence-embedding", bert, plain, 16) == (tokenise(bert, split.inputs, 16), ())
    rows, truth = judged_rows("masked-lm", bert, plain, 16)
    assert all(bert.mask_token_id in row["input_ids"] for row in rows) and len(truth) == 2
