"""Labels as literals and identifiers: whatever people wrote, the code is valid and reads as it runs."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.kits.names import (
    KOTLIN_WORDS,
    LONGEST,
    SWIFT_WORDS,
    identifiers,
    kotlin_literal,
    swift_literal,
    ts_literal,
    type_name,
)

LITERALS = {"swift": swift_literal, "kotlin": kotlin_literal, "ts": ts_literal}


def read_back(literal: str, language: str) -> str:
    """What a compiler makes of a literal, by the language's own rules."""
    body = literal[1:-1]
    if language == "swift":
        body = re.sub(r"\\u\{([0-9a-f]{1,8})\}", lambda m: chr(int(m[1], 16)), body)
        return re.sub(r"\\([\"\\])", r"\1", body)
    return json.loads('"' + body.replace("\\$", "$") + '"')


@given(st.text())
def test_a_literal_says_the_text(text: str) -> None:
    for language, literal in LITERALS.items():
        if language != "swift" or "\\u" not in text:  # the reader above is no parser
            assert read_back(literal(text), language) == text


@given(st.text(st.characters(exclude_categories=())))
def test_a_literal_shows_only_what_can_be_seen_and_never_ends_early(text: str) -> None:
    for language, literal in LITERALS.items():
        made = literal(text)
        made.encode("utf-8")  # no surrogates
        assert made[0] == made[-1] == '"'
        inner = re.sub(r"\\.", "", made[1:-1])
        assert '"' not in inner and (language != "kotlin" or "$" not in inner)
        assert all(c == " " or unicodedata.category(c)[0] in "LNPS" for c in made)


def test_literals_by_hand() -> None:
    hostile = 'a"b\\(c)${d}\n\u202e\U0001f600\u0301'
    assert swift_literal(hostile) == r'"a\"b\\(c)${d}\u{a}\u{202e}' + "\U0001f600" + r'\u{301}"'
    assert kotlin_literal(hostile) == r'"a\"b\\(c)\${d}\u000a\u202e' + "\U0001f600" + r'\u0301"'
    assert ts_literal(hostile) == r'"a\"b\\(c)${d}\u000a\u202e' + "\U0001f600" + r'\u0301"'
    assert ts_literal("\U000e0041") == r'"\udb40\udc41"'
    assert swift_literal("\ud800x") == '"\ufffdx"'


@pytest.mark.parametrize(
    ("label", "camel", "upper"),
    [
        ("negative", "negative", "NEGATIVE"),
        ("Sci/Tech", "sciTech", "SCI_TECH"),
        ("NEGATIVE", "negative", "NEGATIVE"),
        ("LABEL_0", "label0", "LABEL_0"),
        ("B-PER", "bPer", "B_PER"),
        ("5 stars", "_5Stars", "_5_STARS"),
        ("class", "class_", "CLASS"),
        ("Über  café", "uberCafe", "UBER_CAFE"),
        ("正面", "正面", "正面"),
        ("べ が", "べが", "べ_が"),
        ("שלילי", "label0", "LABEL_0"),
        ("ж\u0482\u0483\u0378b", "жB", "Ж_B"),
        ("", "label0", "LABEL_0"),
        ("\u202e\n\"'`$", "label0", "LABEL_0"),
    ],
)
def test_identifiers_by_hand(label: str, camel: str, upper: str) -> None:
    assert identifiers([label], reserved=SWIFT_WORDS) == (camel,)
    assert identifiers([label], reserved=SWIFT_WORDS, upper=True) == (upper,)


def test_equal_identifiers_are_numbered() -> None:
    assert identifiers(["a b", "a-b", "a_B", "aB"], reserved=()) == ("aB", "aB_2", "aB_3", "aB_4")
    assert identifiers(["a_2", "a", "a"], reserved=()) == ("a2", "a", "a_2")
    many = identifiers(["same"] * 10_000, reserved=())
    assert len(set(many)) == 10_000


@given(st.lists(st.text(max_size=30), max_size=30), st.booleans())
def test_identifiers_are_valid_and_unique(labels: list[str], upper: bool) -> None:
    for reserved in (SWIFT_WORDS, KOTLIN_WORDS):
        made = identifiers(labels, reserved=reserved, upper=upper)
        assert len(set(made)) == len(labels)
        assert not reserved.intersection(made)
        for name in made:
            assert name.isidentifier() and unicodedata.is_normalized("NFC", name)
            assert len(name) <= LONGEST + 8


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("movie-reviews", "MovieReviews"),
        ("MiniLM", "MiniLM"),
        ("Foundation", "FoundationKit"),
        ("3 films", "Kit3Films"),
        ("映画", "Kit"),
        ('../"; rm -rf /', "RmRf"),
        ("", "Kit"),
    ],
)
def test_type_names_are_ascii(name: str, made: str) -> None:
    assert type_name(name, reserved={"Foundation"}, fallback="Kit") == made
