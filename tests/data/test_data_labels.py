from collections import Counter

import pytest
from data_samples import RATING, cuts, data, reviews

from edgekit.data.rows import collect
from edgekit.data.splits import make_splits
from edgekit.data.table import Table
from edgekit.errors import DataError


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ((10, 9), ("9", "10")),
        (("10", "9"), ("9", "10")),
        (("-1", "0.5"), ("-1", "0.5")),
        ((True, False), ("false", "true")),
        ((1.0, 0.0), ("0", "1")),
        (("b ", "a"), ("a", "b")),
        (("b", "2"), ("2", "b")),
    ],
)
def test_class_names_found_in_the_data(values, names):
    table = Table({"text": [f"text {i}" for i in range(20)], "label": list(values) * 10})
    assert make_splits(table, data(), seed=0).label_names == names


def test_given_class_names_decide_the_ids():
    splits = make_splits(reviews(), data(labels=("pos", "neg")), seed=0)
    assert splits.label_names == ("pos", "neg")
    assert Counter(splits.train.labels) == {0: 48, 1: 32}


def test_ids_take_the_given_names():
    table = reviews()
    table = Table({**table.columns, "label": [int(label == "pos") for label in table.columns["label"]]})
    splits = make_splits(table, data(labels=("neg", "pos")), seed=0)
    assert (splits.train, splits.label_names) == (
        make_splits(reviews(), data(), seed=0).train,
        ("neg", "pos"),
    )


def test_class_order_of_the_file_is_kept():
    table = Table(reviews().columns, classes={"label": ("pos", "neg", "mixed")})
    assert make_splits(table, data(), seed=0).label_names == ("pos", "neg", "mixed")


def test_label_that_data_labels_lacks_is_named():
    table = reviews()
    table.columns["label"][5] = "mixed"
    with pytest.raises(DataError, match=r"holds 'mixed' \(row 6\), which is none of the classes neg, pos"):
        make_splits(table, data(labels=("neg", "pos")), seed=0)


@pytest.mark.parametrize("missing", [None, "", "  ", float("nan")])
def test_missing_labels_are_counted(missing):
    table = reviews()
    table.columns["label"][5] = missing
    with pytest.raises(DataError, match=r"1 of 100 rows have no label in column 'label' \(row 6\)"):
        make_splits(table, data(), seed=0)


@pytest.mark.parametrize("value", [0.37, ["pos"], {"name": "pos"}])
def test_value_that_is_no_class(value):
    table = reviews()
    table.columns["label"][5] = value
    with pytest.raises(DataError, match=r"\(row 6\), which is no class label"):
        make_splits(table, data(), seed=0)


def test_one_class_only():
    with pytest.raises(DataError, match=r"reviews\.csv holds one class only: 'pos' in all 50 rows"):
        make_splits(reviews(50, 0), data(), seed=0)


def test_one_class_only_because_texts_repeat():
    table = Table({"text": ["same"] * 40, "label": ["a", "b"] * 20})
    with pytest.raises(DataError, match="one class only") as caught:
        make_splits(table, data(), seed=0)
    assert "check data.text" in caught.value.remedy


def rated(ratings: list) -> Table:
    return Table({"text": [f"snippet {i}" for i in range(len(ratings))], "rating": ratings}, "snippets.tsv")


def test_bins_include_both_ends_and_count_the_rest():
    splits = make_splits(rated(["-0.5", "0.5", "0.49", -4, 3.5, "0"] * 10), data(label=RATING), seed=0)
    assert splits.label_names == ("negative", "positive")
    assert splits.dropped == {"outside_bins": 20}
    assert Counter(label for split in cuts(splits) for label in split.labels) == {0: 20, 1: 20}


def test_empty_text_outside_the_bins_does_no_harm():
    table = rated([-1, 1, 0] * 10)
    table.columns["text"][2] = ""
    assert make_splits(table, data(label=RATING), seed=0).dropped == {"outside_bins": 10}


@pytest.mark.parametrize("value", ["good", "nan", "inf", True, [1]])
def test_value_in_a_bins_column_that_is_no_number(value):
    with pytest.raises(DataError, match=r"column 'rating' needs numbers.*\(row 3\)"):
        make_splits(rated([-1, 1, value] + [-1, 1] * 10), data(label=RATING), seed=0)


def test_bins_that_overlap_at_a_value():
    bins = {"column": "rating", "bins": {"low": [None, 3], "high": [3, None]}}
    with pytest.raises(DataError, match=r"rating 3 \(row 2\) lies in the bins 'low' and 'high'"):
        make_splits(rated([1, 3, 5]), data(label=bins), seed=0)


def test_labels_order_the_bins_and_must_match_them():
    table = rated([-1, 1] * 10)
    assert (
        make_splits(table, data(label=RATING, labels=("positive", "negative")), seed=0).label_names[0]
        == "positive"
    )
    with pytest.raises(DataError, match="name other classes"):
        make_splits(table, data(label=RATING, labels=("good", "bad")), seed=0)


def test_settled_classes_decide_the_ids_whatever_the_file_or_recipe_orders():
    model = ("pos", "mixed", "neg")
    ids = [row.label for row in collect(reviews(1, 1), data(), known=model).rows]
    assert ids == [0, 2]
    ids = [row.label for row in collect(reviews(1, 1), data(labels=("neg", "pos")), known=model).rows]
    assert ids == [0, 2]
    numbers = Table({"text": ["a", "b"], "label": [1, 0]})
    assert [row.label for row in collect(numbers, data(labels=("neg", "pos")), known=model).rows] == [0, 2]
    with pytest.raises(
        DataError, match=r"holds '0', '1' \(rows 1, 2\), which is none of the classes pos, mixed, neg"
    ):
        collect(numbers, data(), known=model)


def test_settled_classes_decide_the_ids_of_bins():
    table = rated([-1, 1])
    assert [row.label for row in collect(table, data(label=RATING), known=("positive", "negative")).rows] == [
        1,
        0,
    ]
    with pytest.raises(DataError, match="bins negative, positive are not all among the classes good, bad"):
        collect(table, data(label=RATING), known=("good", "bad"))


def test_class_named_twice():
    with pytest.raises(DataError, match="Two classes have one name: 'neg', 'pos', 'pos'"):
        make_splits(reviews(), data(labels=("neg", "pos", "pos")), seed=0)
