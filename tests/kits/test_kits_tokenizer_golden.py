"""The texts that tell tokenizers apart, and the file they are shipped in."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import small_tokenizers as small

from edgekit.kits.tokenizer import golden_vectors, load, nasty_texts, write_golden


def test_six_thousand_different_texts_and_always_the_same() -> None:
    made = nasty_texts(6500, seed=7, names=["<extra>"])
    assert len(set(made)) == len(made) == 6500
    assert made == nasty_texts(6500, seed=7, names=["<extra>"])
    assert made[100:] != nasty_texts(6500, seed=8, names=["<extra>"])[100:]


def test_the_known_causes_are_among_them() -> None:
    every = nasty_texts(6000, names=["<extra>"])
    text = "".join(every)
    assert {"", " ", "\n", "\r\n", "\ufeff", "a" * 100, "a" * 101} <= set(every[:60])
    for needed in (
        "Σ ",
        "ς",
        "\u200d",
        "\ufe0f",
        "\U0002b820",
        "\U0002b91f",
        "\0",
        "\ufffd",
        "🇫🇷",
        "<extra>",
        "ﬁ",
        "\u1161",
    ):
        assert needed in text, ascii(needed)
    categories = {unicodedata.category(c) for c in set(text)}
    assert len(categories) == 29  # all but surrogates
    assert not any(0xD800 <= ord(c) < 0xE000 for c in text)


def test_vectors_have_pairs_and_are_cut(tmp_path: Path) -> None:
    source = load(small.saved("cased", tmp_path))
    vectors = golden_vectors(source, count=600)
    assert sum(v.pair is not None for v in vectors) == 100
    assert {len(v.ids) for v in vectors} >= set(range(2, 25)) and max(len(v.ids) for v in vectors) == 24
    assert {t for v in vectors for t in v.types} == {0, 1}


def test_a_pair_that_the_tokenizer_refuses_is_left_out(tmp_path: Path) -> None:
    vectors = golden_vectors(load(small.saved("roberta", tmp_path)), count=1200)
    assert 1000 < len(vectors) < 1200


def test_the_file_reads_back(tmp_path: Path) -> None:
    vectors = golden_vectors(load(small.saved("uncased", tmp_path)), count=100)
    lines = write_golden(vectors, tmp_path / "golden.txt").read_bytes().decode("ascii").split("\n")
    assert lines.pop() == ""
    for vector, line in zip(vectors, lines, strict=True):
        text, pair, ids, types = line.split(" ")
        assert bytes.fromhex(text.removeprefix(".")).decode() == vector.text
        assert (None if pair == "-" else bytes.fromhex(pair[1:]).decode()) == vector.pair
        assert tuple(int(i) for i in ids.split(",") if i) == vector.ids
        assert tuple(int(i) for i in types.split(",") if i) == vector.types
