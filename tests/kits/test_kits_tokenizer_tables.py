"""Tables give the ids that the tokenizer gives, and what they can't give is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import small_tokenizers as small
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer

from edgekit.errors import AssetError, ExportError
from edgekit.kits.tokenizer import build_tables, check, golden_vectors, load, write_tables
from edgekit.kits.tokenizer.reference import ReferenceTokenizer
from edgekit.models.students.vocabulary import count_tokens, trim


@pytest.mark.parametrize("kind", small.KINDS)
def test_tables_agree_with_the_tokenizer(kind: str, tmp_path: Path) -> None:
    path = small.saved(kind, tmp_path)
    tables = build_tables(path, checked=300)
    check(tables, golden_vectors(load(path), count=1500, seed=1))


def test_every_kind_of_text_is_of_use(tmp_path: Path) -> None:
    """The nasty texts notice each of these small lies in a table."""
    lies = {
        "uncased": (
            "order",
            "words",
            "limit 47 0 0",
            "single 0 2 0 1 0 0",
            "model wordpiece 1 99 2323",
        ),
        "roberta": ("prepend", "limit 32 0 0", "spaces"),
        "llama3": ("compose", "order", "model bpe -1 0 0 0"),
        "llama2": ("prepend", "model bpe 0 0 1 0", "model bpe 0 1 0 0"),
        "unigram": ("graphemes 1114112 0", "clusters", "strip", "model unigram 0 0 100.0"),
    }
    for kind, lines in lies.items():
        path = small.saved(kind, tmp_path / kind)
        tables = build_tables(path, checked=0)
        vectors = golden_vectors(load(path), count=2000, seed=2)
        for lie in lines:
            word = lie.split(" ")[0]
            kept = [
                lie if line.split(" ")[0] == word and " " in lie else line
                for line in tables.files["tokenizer.txt"].split("\n")
                if " " in lie or line.split(" ")[0] != word
            ]
            files = {**tables.files, "tokenizer.txt": "\n".join(kept)}
            assert files != tables.files, f"{kind} has no line {word}"
            with pytest.raises(ExportError, match="tokenizer itself gives"):
                check(dataclasses.replace(tables, files=files), vectors)


def test_a_text_by_hand(tmp_path: Path) -> None:
    vocab = {"[UNK]": 0, "he": 1, "##llo": 2, "world": 3, "!": 4, "é": 5, "中": 6, "a\\b": 7}
    made = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.save(str(tmp_path / "tokenizer.json"))
    tables = build_tables(tmp_path / "tokenizer.json", checked=50)
    assert tables.kind == "wordpiece"
    assert tables.max_length is None
    assert tables.files["vocab.txt"] == "[UNK]\nhe\n##llo\nworld\n!\né\n中\na\\\\b\n"
    reference = ReferenceTokenizer(tables.files)
    assert reference.encode("HELLO, World!É中hello") == ([1, 2, 0, 3, 4, 5, 6, 1, 2], [0] * 9)
    assert reference.encode("a\\b\u0000") == ([0, 0, 0], [0] * 3)
    assert reference.encode("he", "world") == ([1, 3], [0, 1])


def test_files_are_written_as_they_are(tmp_path: Path) -> None:
    tables = build_tables(small.saved("roberta", tmp_path), checked=0)
    folder = write_tables(tables, tmp_path / "kit")
    assert {p.name: p.read_bytes().decode() for p in folder.iterdir()} == dict(tables.files)
    assert tables.size_bytes == sum(p.stat().st_size for p in folder.iterdir())


def test_a_folder_is_read_as_transformers_reads_it(tiny_classifier: Path, tmp_path: Path) -> None:
    sides = {"padding_side": "left", "truncation_side": "left", "model_max_length": 12}
    AutoTokenizer.from_pretrained(tiny_classifier, **sides).save_pretrained(tmp_path)
    processor = AutoTokenizer.from_pretrained(tmp_path)
    tables = build_tables(tmp_path, checked=200)
    assert tables.max_length == 12
    assert "limit 12 0 1" in tables.files["tokenizer.txt"].split("\n")
    assert "pad 0 0 1" in tables.files["tokenizer.txt"].split("\n")
    text = "a moving and superb film, " * 4
    expected = processor(text, truncation=True)
    assert ReferenceTokenizer(tables.files).encode(text)[0] == expected["input_ids"]
    other = build_tables(tmp_path, max_length=7, strategy="only_second", checked=200)
    assert "limit 7 2 1" in other.files["tokenizer.txt"].split("\n")


def test_a_vocabulary_that_was_cut(tiny_classifier: Path, tmp_path: Path) -> None:
    processor = AutoTokenizer.from_pretrained(tiny_classifier)
    counts = count_tokens([processor("a moving and superb film"), processor("dull story")])
    trim(processor, counts).processor.save_pretrained(tmp_path)
    tables = build_tables(tmp_path, checked=300)
    whole = build_tables(tiny_classifier, checked=0)
    assert tables.files["vocab.txt"].count("\n") < whole.files["vocab.txt"].count("\n")


def _bpe(**options: object) -> Tokenizer:
    return Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")], **options))


def _with(tokenizer: Tokenizer, **parts: object) -> Tokenizer:
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    return tokenizer


SPLIT = pre_tokenizers.Split
REFUSED = {
    "WordLevel": lambda: Tokenizer(models.WordLevel({"a": 0}, unk_token="a")),
    "dropout": lambda: _bpe(dropout=0.1),
    "end_of_word_suffix": lambda: _bpe(end_of_word_suffix="</w>"),
    "unk_id": lambda: Tokenizer(models.Unigram([("a", -1.0)], None, False)),
    "unknown token": lambda: Tokenizer(models.WordPiece({"a": 0}, unk_token="[UNK]")),
    "UnicodeScripts": lambda: _with(_bpe(), pre_tokenizer=pre_tokenizers.UnicodeScripts()),
    "after ByteLevel": lambda: _with(
        _bpe(), pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(), pre_tokenizers.Digits()])
    ),
    "the part ByteLevel": lambda: _with(_bpe(), normalizer=normalizers.ByteLevel()),
    "MergedWithNext": lambda: _with(_bpe(), pre_tokenizer=SPLIT(Regex("ab"), "merged_with_next")),
    "a.b": lambda: _with(_bpe(), pre_tokenizer=SPLIT(Regex("a.b"), "isolated")),
    "bab'": lambda: _with(_bpe(), pre_tokenizer=SPLIT(Regex(r"\bab"), "isolated")),
    "'a*'": lambda: _with(_bpe(), pre_tokenizer=SPLIT(Regex("a*"), "isolated")),
    "'(?i:ss)'": lambda: _with(_bpe(), pre_tokenizer=SPLIT(Regex("(?i:ss)"), "isolated")),
    "(?<=": lambda: _with(_bpe(), pre_tokenizer=SPLIT(Regex("(?<=a)b"), "isolated")),
    "a+?": lambda: _with(_bpe(), normalizer=normalizers.Replace(Regex("a+?"), "b")),
}


@pytest.mark.parametrize("named", REFUSED)
def test_what_kits_do_not_know_is_refused_by_name(named: str, tmp_path: Path) -> None:
    REFUSED[named]().save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ExportError) as caught:
        build_tables(tmp_path / "tokenizer.json")
    assert named in caught.value.fact
    assert "Python" in caught.value.remedy


def test_an_added_token_that_normalizes_to_nothing_is_refused(tmp_path: Path) -> None:
    made = _with(_bpe(), normalizer=normalizers.StripAccents())
    made.add_tokens([AddedToken("\u0301", normalized=True)])
    made.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ExportError, match="empty once normalized"):
        build_tables(tmp_path / "tokenizer.json")


def test_a_limit_below_the_special_tokens_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="more special tokens"):
        build_tables(small.saved("cased", tmp_path), max_length=1)


@pytest.mark.parametrize("content", [None, "{}", "no json"])
def test_no_tokenizer(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(AssetError, match=r"tokenizer\.json"):
        build_tables(tmp_path / "tokenizer.json")


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    """A later version's option must not be passed over. (Today's library drops what it doesn't know.)"""
    from edgekit.kits.tokenizer.models import model_files

    model = json.loads(_bpe().to_str())["model"]
    assert model_files(model)[0] == "model bpe -1 0 0 0"
    with pytest.raises(ExportError, match="sets shuffle"):
        model_files({**model, "shuffle": True})
