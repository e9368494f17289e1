"""YAML text → plain values with lines."""

import time

import pytest

from edgekit.recipe.reading import MAX_BYTES, NotYaml, read_yaml


def test_values_are_plain_and_have_the_line_of_their_key():
    document = read_yaml(b"a: 1\nb:\n  c: [x, 2.5]\n  d:\n    - null\n    - true\n")
    assert document.value == {"a": 1, "b": {"c": ["x", 2.5], "d": [None, True]}}
    assert document.lines[("a",)] == 1
    assert document.lines[("b", "c")] == 3
    assert document.lines[("b", "d", 1)] == 6


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5e-5", 5e-5),
        ("1_000", 1000),
        ("0x10", 16),
        ("yes", "yes"),  # YAML 1.2: a bool is true or false
        ("2024-05-01", "2024-05-01"),  # no dates
        ("'3'", "3"),
        ("~", None),
    ],
)
def test_scalars(text, value):
    got = read_yaml(f"k: {text}".encode()).value["k"]
    assert got == value and type(got) is type(value)


def test_keys_are_text_whatever_they_look_like():
    assert read_yaml(b"{1: a, true: b, null: c}").value == {"1": "a", "true": "b", "null": "c"}


def test_aliases_are_written_out_and_not_shared():
    value = read_yaml(b"a: &x [1]\nb: *x\n").value
    assert value == {"a": [1], "b": [1]}
    assert value["a"] is not value["b"]


def test_merge_key_gives_way_to_what_is_written_in_place():
    value = read_yaml(b"base: &b {p: 1, q: 2}\nuse: {<<: *b, q: 3}\nboth: {<<: [{p: 8}, *b]}").value
    assert value["use"] == {"p": 1, "q": 3}
    assert value["both"] == {"p": 8, "q": 2}


def test_duplicate_key_names_both_lines():
    document = read_yaml(b"a: 1\nb: 2\na: 3\n")
    assert document.problems == [(3, ("a",), "given twice; the first is on line 1")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"k: !!python/object/apply:os.system [ls]", "is not allowed"),
        (b"k: !mine 3", "is not allowed"),
        (b"k: !!binary aGk=", "is not allowed"),
        (b"k: !!int abc", "not a valid int"),
        (b"k: 9" + b"9" * 5000, "not a valid int"),
        (b"k: 99999999999999999999", "too large"),
        (b"? [1]\n: 3", "a key must be plain text"),
        (b"<<: 3", "takes a mapping"),
    ],
)
def test_what_can_be_pointed_at_is_a_problem_with_a_line(text, said):
    document = read_yaml(text)
    assert len(document.problems) == 1
    line, _, message = document.problems[0]
    assert line == 1 and said in message


@pytest.mark.parametrize(
    ("data", "said", "line"),
    [
        (b"a: 1\nb: c: d\n", "mapping values are not allowed", 2),
        (b"a:\n\tb: 1\n", "cannot start any token", 2),
        (b"a: 1\nb: \xff\n", "not UTF-8", 2),
        (b"a: 1\n\nb: \x07\n", "U+0007", 3),
        (b"a: *nobody", "undefined alias", 1),
        (b"a: 1\n---\nb: 2\n", "single document", 2),
        ("a: ü".encode("utf-16"), "not UTF-8", 1),
    ],
)
def test_a_syntax_error_names_its_line(data, said, line):
    with pytest.raises(NotYaml) as caught:
        read_yaml(data)
    assert said in caught.value.message
    assert caught.value.line == line


def test_a_byte_order_mark_is_no_matter():
    assert read_yaml(b"\xef\xbb\xbfa: 1").value == {"a": 1}


@pytest.mark.parametrize("data", [b"", b"# only a comment\n", b"\n\n"])
def test_empty(data):
    assert read_yaml(data).empty


def _laughs() -> bytes:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    "data",
    [
        _laughs(),
        b"a: &a [*a]",
        b"a: &a {<<: *a}",
        b"[" * 100_000,
        b"- " * 60_000,
        b"{a: " * 30_000,
        b"? " * 60_000,
        b"[" + b"1," * 60_000 + b"]",
        b"x" * (MAX_BYTES + 1),
    ],
    ids=["laughs", "self", "self-merge", "flow", "block", "maps", "keys", "long", "bytes"],
)
def test_bombs_are_refused_at_once(data):
    begun = time.process_time()
    with pytest.raises(NotYaml):
        read_yaml(data)
    assert time.process_time() - begun < 5
