"""The three models on random vocabularies with ties and merges in any order, beside the library's."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import pytest
from tokenizers import Tokenizer, models

from edgekit.kits.tokenizer.models import escaped, model_files
from edgekit.kits.tokenizer.reference.models import _unescaped, model


def agrees(tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    line, files = model_files(json.loads(tokenizer.to_str())["model"])
    mine = model(line.split(" ")[1:], files)
    for text in texts:
        assert mine([ord(c) for c in text]) == tokenizer.encode(text).ids, (text, line)


def words(choose: random.Random, letters: str, longest: int) -> list[str]:
    return ["".join(choose.choices(letters, k=choose.randint(1, longest))) for _ in range(40)]


def test_bpe_with_merges_in_any_order() -> None:
    """A merge may come before those that make its parts, and two may make the same token."""
    choose = random.Random(1)
    for _ in range(150):
        vocab = {c: i for i, c in enumerate("abc")}
        merges: dict[tuple[str, str], None] = {}
        for _ in range(choose.randint(3, 25)):
            left, right = choose.choice(list(vocab)), choose.choice(list(vocab))
            if len(left + right) < 8:
                vocab.setdefault(left + right, len(vocab))
                merges[left, right] = None
        order = list(merges)
        choose.shuffle(order)
        agrees(Tokenizer(models.BPE(vocab, order)), words(choose, "abc", 30))


@pytest.mark.parametrize("fuse", [False, True])
@pytest.mark.parametrize("fallback", [False, True])
def test_bpe_with_unknown_characters_and_only_some_bytes(fuse: bool, fallback: bool) -> None:
    choose = random.Random(2)
    vocab = {"<unk>": 0, "a": 1, "b": 2, "ab": 3, "é": 4, "<0xC3>": 5, "<0xBC>": 6, "<0x7A>": 7, "<unk>a": 8}
    merges = [("a", "b"), ("<unk>", "a")]
    unknown = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=fuse, byte_fallback=fallback))
    agrees(unknown, words(choose, "abéüzñ💩", 12))
    agrees(Tokenizer(models.BPE(vocab, merges[:1], byte_fallback=fallback)), words(choose, "abéüzñ💩", 12))


@pytest.mark.parametrize("fallback", [False, True])
def test_unigram_with_ties(fallback: bool) -> None:
    """Scores of a few values make many equal paths; names of the unknown token are in the text."""
    choose = random.Random(3)
    for _ in range(150):
        pieces = {"<unk>": 0.0, "<": -1.0, "<0xC3>": -2.0, "<0xBC>": -2.0}
        for _ in range(choose.randint(1, 25)):
            pieces["".join(choose.choices("abcü", k=choose.randint(1, 4)))] = -choose.choice(
                [0.1, 0.2, 0.3, 1.0]
            )
        tokenizer = Tokenizer(models.Unigram(list(pieces.items()), 0, fallback))
        agrees(tokenizer, [*words(choose, "abcüz中", 15), "a<unk>b", "z<unk>z<"])


def test_unigram_counts_the_last_of_equal_pieces() -> None:
    pieces = [("<unk>", 0.0), ("a", -9.0), ("b", -1.0), ("ab", -3.0), ("a", -1.0)]
    agrees(Tokenizer(models.Unigram(pieces, 0, False)), ["ab", "aab", "ba"])


def test_word_piece() -> None:
    choose = random.Random(4)
    for prefix in ("##", "", "a"):
        vocab = {"[UNK]": 0}
        for _ in range(25):
            token = choose.choice(["", prefix]) + "".join(choose.choices("abé", k=choose.randint(1, 3)))
            vocab.setdefault(token, len(vocab))
        made = models.WordPiece(
            vocab, unk_token="[UNK]", continuing_subword_prefix=prefix, max_input_chars_per_word=9
        )
        agrees(Tokenizer(made), words(choose, "abé", 11))


@pytest.mark.parametrize("token", ["\\", "\\n", "\n", "\r\n", "a\\\\nb", "\\\n\\", "\u2028\x85", "\\r\r"])
def test_a_token_on_a_line_reads_back(token: str) -> None:
    assert "\n" not in escaped(token) and "\r" not in escaped(token)
    assert _unescaped(escaped(token)) == token
