"""Probed tables against Python's own Unicode data, and each small machine against the library's."""

from __future__ import annotations

import random
import unicodedata

import pytest
import small_tokenizers as small
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, normalizers, pre_tokenizers

from edgekit.kits.tokenizer import charsmap, nasty_texts, numbers, probe
from edgekit.kits.tokenizer.pattern import parse, program
from edgekit.kits.tokenizer.reference import charsmap as clusters
from edgekit.kits.tokenizer.reference.lookup import CodeMap, Runs, pairs
from edgekit.kits.tokenizer.reference.matcher import Matcher
from edgekit.kits.tokenizer.reference.steps import Piece, compose, order

CODES = st.integers(0, 0x10FFFF)
PATTERNS = [
    small.LLAMA3,
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{M}]*[\p{Ll}\p{Lm}\p{M}]+(?i:'s|'ll)?|\p{N}{2}|\s+",
    r"[!-/:-~][A-Za-z]+|(?:a|ab)c|\P{L}\d{2,}|[\^\]\-x]",
]


@given(st.dictionaries(CODES, st.lists(CODES, max_size=3).map(tuple), max_size=30))
def test_a_mapping_reads_back(entries: dict[int, tuple[int, ...]]) -> None:
    table = CodeMap(numbers.mapping(entries))
    for code in {*entries, *(c + d for c in entries for d in (-1, 1))}:
        expected = entries.get(code)
        assert table.get(code) == (None if expected is None else list(expected))


@given(st.dictionaries(CODES, st.integers(1, 5), max_size=30))
def test_classes_read_back(entries: dict[int, int]) -> None:
    table = Runs(numbers.classes(entries))
    for code in {*entries, *(min(0x10FFFF, c + 1) for c in entries)}:
        assert table[code] == entries.get(code, 0)


def test_long_ranges_are_single_entries() -> None:
    shifted = {c: (c + 32,) for c in range(65, 91)} | {c: (32, c, 32) for c in range(0x4E00, 0x9FFF)}
    assert numbers.mapping(shifted) == [65, 26, 0, 1, 97, 0x4E00 - 91, 0x9FFF - 0x4E00, 1, 3, 32, 0x4E00, 32]


def test_decomposition_and_order_agree_with_pythons_for_code_points_that_both_know() -> None:
    classes = probe.combining_classes()
    known = [c for c in map(ord, probe.SCALARS) if unicodedata.category(chr(c)) != "Cn"]
    decomposed = probe.mapped({"type": "NFD"})
    newer = {c for c in known if unicodedata.combining(chr(c)) and c not in classes and c not in decomposed}
    # The library's tables are those of an older Unicode.
    assert all(unicodedata.ucd_3_2_0.category(chr(c)) == "Cn" for c in newer)
    marks = sorted((c for c in known if c in classes), key=lambda c: classes[c])
    values = [unicodedata.combining(chr(c)) for c in marks]
    assert values == sorted(values) and 0 not in values
    assert decomposed[ord("ế")] == (ord("e"), 0x302, 0x301) and decomposed[0xAC01] == (0x1100, 0x1161, 0x11A8)


@pytest.mark.parametrize("form", ["NFD", "NFC", "NFKD", "NFKC"])
def test_canonical_forms_of_marks_in_any_order(form: str) -> None:
    normalize = getattr(normalizers, form)()
    decomposed = CodeMap(numbers.mapping(probe.mapped({"type": form.replace("C", "D")})))
    classes = Runs(numbers.classes(probe.combining_classes()))
    joined = pairs(numbers.compositions(probe.canonical_pairs()))
    choose = random.Random(3)
    marks = [chr(c) for c in probe.combining_classes()]
    bases = "aeoAſÅ가ᄀ\u1161\u11a8か<\u0958"
    for _ in range(2000):
        text = "".join(choose.choice([choose.choice(bases), choose.choice(marks)]) for _ in range(12))
        piece = order(classes)(Piece(decomposed.apply([ord(c) for c in text]), True))[0]
        piece = compose(joined, classes)(piece)[0] if form.endswith("C") else piece
        assert "".join(map(chr, piece.codes)) == normalize.normalize_str(text)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_matches_where_the_engine_does(pattern: str) -> None:
    matcher = Matcher()
    for line in program(parse(pattern, "the test")):
        word, *rest = line.split(" ")
        values = [int(value) for value in rest]
        if word == "class":
            matcher.classes = Runs(values)
        elif word == "set":
            matcher.sets.append(set(values))
        else:
            matcher.code = values
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    found = 0
    for text in nasty_texts(3000, seed=4):
        pieces = ["".join(map(chr, part)) for _, part in matcher.parts([ord(c) for c in text])]
        assert pieces == [piece for piece, _ in split.pre_tokenize_str(text)]
        found += len(pieces)
    assert found > 3000


def test_clusters_are_cut_where_the_library_cuts_them() -> None:
    """Through a map that turns short clusters into one mark; of each class there is something to join."""
    shapes = Runs(numbers.classes(charsmap.grapheme_classes()))
    marker = probe.component(
        "normalizer", {"type": "Precompiled", "precompiled_charsmap": charsmap._marking()}
    )
    by_class: dict[int, list[str]] = {}
    for code, kind in charsmap.grapheme_classes().items():
        by_class.setdefault(kind, []).append(chr(code))
    assert sorted(by_class) == list(range(1, 17))
    choose = random.Random(5)
    kinds = [*by_class.values(), ["a", "é", "中", "𐍈", "b"]]
    for _ in range(20_000):
        text = "".join(choose.choice(choose.choice(kinds)) for _ in range(choose.randint(1, 7))).replace(
            "\x01", ""
        )
        made = list(clusters.clusters([ord(c) for c in text], shapes))
        sizes = [len("".join(map(chr, cluster)).encode()) for cluster in made]
        marks = sum(1 if size <= charsmap.LONGEST else len(c) for c, size in zip(made, sizes, strict=True))
        assert len(marker.normalize_str(text)) == marks, ascii(text)


def test_a_map_reads_back() -> None:
    replacements = {"ﬁ": "fi", "e\u0301": "é", "e": "E", "\u200b": "", "中文": "x"}
    found = charsmap.entries(small.charsmap(replacements))
    assert {key.decode(): value.decode() for key, value in found} == replacements
