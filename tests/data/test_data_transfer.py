import gzip
import json
from pathlib import Path

import pytest
from data_samples import data, reviews
from hypothesis import given
from hypothesis import strategies as st

from edgekit.data.rows import text_key
from edgekit.data.splits import make_splits
from edgekit.data.table import Table
from edgekit.data.transfer import labelled_keys, load_unlabelled, unseen, with_unlabelled
from edgekit.errors import DataError
from edgekit.recipe.schema import Unlabelled
from edgekit.types import Split, Splits

SPLITS = make_splits(reviews(), data(), seed=0)
PAIRS = make_splits(
    Table(
        {
            "a": [f"Question {i}?" for i in range(40)],
            "b": [f"Answer {i}." for i in range(40)],
            "label": ["yes", "no"] * 20,
        }
    ),
    data(text="a", text_pair="b"),
    seed=0,
)


def source(**fields) -> Unlabelled:
    return Unlabelled(source={"path": "unused"}, **fields)


def lines(path: Path, *texts: str) -> Path:
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def test_every_text_is_kept_or_counted(tmp_path):
    known = [SPLITS.train.inputs[0], SPLITS.validation.inputs[0], SPLITS.test.inputs[0]]
    path = lines(tmp_path / "t.txt", *known, "new one", "", "  ", "new  one", " another new one ", "new one")
    splits = with_unlabelled(SPLITS, [(source(), path)], seed=0)
    assert sorted(splits.unlabelled.inputs) == ["another new one", "new one"]
    assert splits.unlabelled.labels == ()
    assert splits.dropped == {
        "unlabelled_in_labelled_set": 3,
        "unlabelled_empty_text": 2,
        "unlabelled_duplicate_text": 2,
    }
    assert (splits.train, splits.test, splits.label_names) == (SPLITS.train, SPLITS.test, SPLITS.label_names)


def test_a_labelled_text_is_known_under_any_spacing_and_unicode_form(tmp_path):
    table = reviews()
    table.columns["text"][0] = "Café noir,  tonight"
    splits = make_splits(table, data(), seed=0)
    path = lines(tmp_path / "t.txt", "Cafe\u0301 noir, tonight ", "Café blanc")
    assert load_unlabelled([(source(), path)], splits, seed=0).inputs == ("Café blanc",)


def test_the_fingerprint_is_that_of_the_labelled_rows(tmp_path):
    path = lines(tmp_path / "1.txt", "new one")
    found = with_unlabelled(SPLITS, [(source(), path)], seed=0)
    assert len(found.unlabelled) == 1
    assert found.fingerprint == SPLITS.fingerprint
    assert with_unlabelled(SPLITS, [], seed=0) is SPLITS


def test_sources_follow_each_other_and_share_no_text(tmp_path):
    one = lines(tmp_path / "1.txt", "a a", "b b", "c c")
    two = lines(tmp_path / "2.txt", "c c", "d d")
    found = load_unlabelled([(source(), one), (source(), two)], SPLITS, seed=0)
    assert sorted(found.inputs[:3]) == ["a a", "b b", "c c"] and found.inputs[3:] == ("d d",)
    assert found.dropped == {"duplicate_text": 1}


def test_a_limit_draws_the_same_texts_in_whatever_order_they_come(tmp_path):
    texts = [f"text number {i}" for i in range(50)]
    one, two = lines(tmp_path / "1.txt", *texts), lines(tmp_path / "2.txt", *reversed(texts))
    first, again, other = (
        load_unlabelled([(source(limit=10), path)], SPLITS, seed=seed)
        for path, seed in ((one, 0), (two, 0), (one, 1))
    )
    assert first == again and len(first.inputs) == 10 and first.dropped == {"over_limit": 40}
    assert first.inputs != other.inputs and list(first.inputs) != sorted(first.inputs)
    more = load_unlabelled([(source(limit=20), one)], SPLITS, seed=0)
    assert more.inputs[:10] == first.inputs, "a higher limit adds texts and leaves the others"


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet", "hf", "txt"])
def test_every_format_gives_the_same_texts(tmp_path, ending):
    texts = ["first new text", 'second, with "quotes"', "third\u2028of one line"]
    path = tmp_path / f"x.{ending}"
    if ending == "txt":
        path.write_bytes("\r\n".join(texts).encode())
    elif ending == "jsonl":
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    elif ending in ("csv", "tsv"):
        import csv

        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, delimiter="," if ending == "csv" else "\t").writerows([["text"], *zip(texts)])
    elif ending == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"text": texts}), path)
    else:
        datasets = pytest.importorskip("datasets")
        datasets.Dataset.from_dict({"text": texts}).save_to_disk(str(path))
    assert set(load_unlabelled([(source(), path)], SPLITS, seed=0).inputs) == set(texts)


def test_columns_quoting_and_encoding_are_the_source_s_own(tmp_path):
    path = tmp_path / "tweets.txt"
    path.write_bytes('1\t0.5\tso "good\n2\t-1\tnaïve\n'.encode("latin-1"))
    settings = source(format="tsv", quoting=False, encoding="latin-1", columns=("id", "rating", "text"))
    assert set(load_unlabelled([(settings, path)], SPLITS, seed=0).inputs) == {'so "good', "naïve"}


def test_pairs_stay_together(tmp_path):
    rows = [{"q": "New?", "a": "Yes."}, {"q": "New?", "a": " "}, {"q": "Question 3?", "a": "Answer 3."}]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = load_unlabelled([(source(text="q", text_pair="a"), path)], PAIRS, seed=0)
    assert found.inputs == (("New?", "Yes."),)
    assert found.dropped == {"empty_text": 1, "in_labelled_set": 1}


def test_half_a_character_is_left_out(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "cut \\ud83d"}\n{"text": "whole \\ud83d\\ude00"}\n{"text": null}\n')
    found = load_unlabelled([(source(), path)], SPLITS, seed=0)
    assert found.inputs == ("whole 😀",)
    assert found.dropped == {"broken_text": 1, "empty_text": 1}


@pytest.mark.parametrize(
    ("splits", "settings", "content", "said", "remedy"),
    [
        (SPLITS, {"text": "body"}, '{"text": "x"}', "no column 'body'", "data.unlabelled.0.text"),
        (SPLITS, {}, '{"text": 3}', "holds int, not text (row 1)", "data.unlabelled.0.text"),
        (SPLITS, {"text_pair": "text"}, '{"text": "x"}', "gives text pairs", "Remove data.unlabelled.0"),
        (PAIRS, {}, '{"text": "x"}', "gives single texts", "Set data.unlabelled.0.text_pair"),
        (SPLITS, {}, '{"text": ""}', "gives no transfer text (left out: empty_text 1)", "remove"),
        (SPLITS, {"format": "parquet"}, "nonsense", "can't be read as Parquet", "Copy the file again"),
    ],
)
def test_what_gives_no_transfer_text_is_refused(tmp_path, splits, settings, content, said, remedy):
    path = tmp_path / "x.jsonl"
    path.write_text(content + "\n")
    with pytest.raises(DataError) as caught:
        load_unlabelled([(source(**settings), path)], splits, seed=0)
    assert said in caught.value.fact and remedy in caught.value.remedy


def test_a_binary_file_is_no_text(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(gzip.compress(b"text"))
    with pytest.raises(DataError, match="is not utf-8 text"):
        load_unlabelled([(source(), path)], SPLITS, seed=0)
    with pytest.raises(DataError, match="is no text file"):
        load_unlabelled([(source(format="text"), tmp_path)], SPLITS, seed=0)


@given(st.lists(st.text(alphabet="ab \n\u00e9e\u0301", max_size=5), max_size=20))
def test_no_copy_of_a_known_text_gets_through(texts):
    splits = Splits(
        train=Split(("a b",), (0,)),
        validation=Split(("b",), (0,)),
        test=Split(("é",), (0,)),
        calibration=Split(()),
        unlabelled=Split(("b b",)),
        label_names=("x",),
        fingerprint="",
    )
    keys = [text_key(text) for text in unseen(texts, splits)]
    assert len(keys) == len(set(keys))
    assert not set(keys) & (labelled_keys(splits) | {"b b"})
    assert set(keys) == {text_key(text) for text in texts} - labelled_keys(splits) - {"b b"}
