"""Labels of every kind, read and refused."""

import math

import pytest
from data_samples import data

from edgekit.data.evaluation import load_evaluation
from edgekit.data.splits import make_splits
from edgekit.data.table import Table
from edgekit.errors import DataError

N = 30
TEXT = [f"text number {i}" for i in range(N)]


def splits(task, cells, *, text=TEXT, **fields):
    fields.setdefault("split", {"stratify": True})
    return make_splits(Table({"text": text, "label": cells}, "rows.jsonl"), data(**fields), seed=0, task=task)


def by_text(found):
    cuts = (found.train, found.validation, found.test)
    return {text: label for cut in cuts for text, label in zip(cut.inputs, cut.labels, strict=True)}


# Several labels a text


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        ((["b", "a"], ["c"], []), None),
        (("b, a", "c", ""), ","),
        ((" b|a|b ", "c|", "  "), "|"),
    ],
)
def test_label_sets_are_sorted_ids(cells, separator):
    found = splits("multi-label-classification", list(cells) * 10, label_separator=separator)
    assert found.label_names == ("a", "b", "c")
    assert by_text(found)["text number 0"] == (0, 1)
    assert by_text(found)["text number 1"] == (2,) and by_text(found)["text number 2"] == ()


def test_label_sets_of_ids_take_the_given_names():
    found = splits("multi-label-classification", [[1, 0], [2], []] * 10, labels=("x", "y", "z"))
    assert found.label_names == ("x", "y", "z") and by_text(found)["text number 0"] == (0, 1)


@pytest.mark.parametrize(
    ("cell", "fact", "remedy"),
    [
        ("a, b", r"holds 'a, b' \(row 4\), which is no list of labels", "data.label_separator"),
        (None, r"1 of 30 rows have no label in column 'label' \(row 4\)", "Label them"),
        ([["a"]], r"holds \['a'\] \(row 4\), which is no class label", "strings"),
        (["strange"], r"holds 'strange' \(row 4\), which is none of the classes a, b", "data.labels"),
        (3, r"holds 3 \(row 4\), which is no list of labels", "lists"),
    ],
)
def test_cells_that_hold_no_label_set(cell, fact, remedy):
    labels = [["a"], ["a", "b"], []] * 10
    labels[3] = cell
    with pytest.raises(DataError, match=fact) as caught:
        splits("multi-label-classification", labels, labels=("a", "b"))
    assert remedy in caught.value.remedy


def test_the_same_labels_everywhere_teach_nothing():
    with pytest.raises(DataError, match="the same label in all 30 rows"):
        splits("multi-label-classification", [["a"]] * N)


# Numbers


def test_numbers_are_read_as_they_are_and_never_stratified():
    found = splits("text-regression", [str(i / 4) for i in range(N)])
    assert found.label_names == () and by_text(found)["text number 3"] == 0.75
    assert len({split for split in (found.train.labels, found.test.labels)}) == 2


@pytest.mark.parametrize("cell", ["high", "nan", math.inf, True, [1]])
def test_cells_that_hold_no_number(cell):
    labels = [float(i) for i in range(N)]
    labels[2] = cell
    with pytest.raises(DataError, match=r"rows.jsonl: column 'label' needs numbers.*\(row 3\)") as caught:
        splits("text-regression", labels)
    assert "data.label" in caught.value.remedy


@pytest.mark.parametrize("cell", [None, "", math.nan])
def test_numbers_that_are_missing(cell):
    with pytest.raises(DataError, match=r"1 of 30 rows have no label .*\(row 1\)"):
        splits("text-regression", [cell, *range(1, N)])


def test_one_number_everywhere_and_bins():
    with pytest.raises(DataError, match="the same label in all 30 rows"):
        splits("text-regression", [1.5] * N)
    bins = {"column": "label", "bins": {"low": [None, 1], "high": [2, None]}}
    with pytest.raises(DataError, match="bins, which make classes; text-regression has none") as caught:
        splits("text-regression", list(range(N)), label=bins)
    assert "(label)" in caught.value.remedy


# A tag a word


@pytest.mark.parametrize(
    ("words", "tags", "separator"),
    [
        (["Ann", "likes", "Rome"], ["B-PER", "O", "B-LOC"], None),
        ("Ann  likes\tRome ", "B-PER O  B-LOC", None),
        ("Ann likes Rome", "B-PER,O,B-LOC", ","),
        (["Ann", "likes", "Rome"], "B-PER O B-LOC", None),
    ],
)
def test_words_and_tags(words, tags, separator):
    text = [words if isinstance(words, str) else list(words) for _ in range(N)]
    text = [f"{t} x{i}" if isinstance(t, str) else [*t, f"x{i}"] for i, t in enumerate(text)]
    end = f"{separator or ' '}O"
    labels = [f"{tags}{end}" if isinstance(tags, str) else [*tags, "O"] for _ in range(N - 1)]
    labels.append(["O"] * 4)
    found = splits("token-classification", labels, text=text, label_separator=separator)
    assert found.label_names == ("B-LOC", "B-PER", "O")
    assert by_text(found)["Ann likes Rome x3"] == (1, 2, 0, 2)


@pytest.mark.parametrize(
    ("text", "tags", "fact", "remedy"),
    [
        ("Ann likes Rome", ["O", "O"], r"row 3 has 3 words and 2 tags in column 'label'", "one tag for each"),
        ("Ann likes Rome", ["O", None, "O"], r"row 3 has 3 words and 2 tags", "O for none"),
        ("Ann likes Rome", "O,O,O", r"row 3 has 3 words and 1 tags", "data.label_separator"),
        (
            ["Ann", "New York"],
            ["O", "O"],
            r"holds 'New York' in its list of words \(row 3\)",
            "without spaces",
        ),
        (["Ann", ""], ["O", "O"], r"holds '' in its list of words \(row 3\)", "none that is empty"),
        (["Ann", 7], ["O", "O"], r"holds 7 in its list of words \(row 3\)", "words"),
        ("Ann", None, r"1 of 30 rows have no label", "Label them"),
        ("Ann", 4, r"holds 4 \(row 3\), which is no list of labels", "lists"),
    ],
)
def test_words_and_tags_that_do_not_fit(text, tags, fact, remedy):
    texts = [f"Ann {i}" for i in range(N)]
    labels = [["B-PER", "O"]] * N
    texts[2], labels[2] = text, tags
    with pytest.raises(DataError, match=fact) as caught:
        splits("token-classification", labels, text=texts)
    assert remedy in caught.value.remedy


def test_a_tagged_text_has_no_second_text():
    with pytest.raises(DataError, match="token-classification tags the words of one text"):
        splits("token-classification", [["O", "O", "O"]] * N, text_pair="text")


# No labels at all


@pytest.mark.parametrize("task", ["sentence-embedding", "masked-lm"])
def test_texts_need_no_label_column(task):
    table = Table({"text": [*TEXT, TEXT[0]]}, "texts.txt")
    found = make_splits(table, data(), seed=0, task=task)
    assert (len(found.train), len(found.validation), len(found.test)) == (24, 3, 3)
    assert found.label_names == () and found.train.labels == () and found.dropped == {"duplicate_text": 1}
    labelled = Table({"text": [*TEXT, TEXT[0]], "label": list(range(31))}, "rows.csv")
    assert make_splits(labelled, data(), seed=0, task=task) == found, "labels change nothing"
    with pytest.raises(DataError, match="holds no rows to use"):
        make_splits(Table({"text": []}, "texts.txt"), data(), seed=0, task=task)


def test_rows_for_judging_a_model_of_each_kind(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\na b,2\nc d,0.5\n")
    assert load_evaluation(path, data(), labels=(), task="text-regression").labels == (2.0, 0.5)
    assert load_evaluation(path, data(), labels=(), task="masked-lm").labels == ()
    path.write_text("text,label\na b,y x\nc d,x x\n")
    found = load_evaluation(path, data(), labels=("x", "y", "z"), task="token-classification")
    assert found.labels == ((1, 0), (0, 0))
    found = load_evaluation(
        path, data(label_separator=" "), labels=("x", "y", "z"), task="multi-label-classification"
    )
    assert found.labels == ((0, 1), (0,))
