import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from data_samples import RATING, cuts, data, reviews, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.data.rows import text_key
from edgekit.data.splits import load_splits, make_splits
from edgekit.data.table import Table
from edgekit.errors import DataError
from edgekit.types import Splits


def test_sizes_classes_and_calibration_are_exact():
    splits = make_splits(reviews(), data(calibration_rows=16), seed=0)
    assert [len(split) for split in cuts(splits)] == [80, 10, 10]
    assert splits.label_names == ("neg", "pos")
    assert [Counter(split.labels)[1] for split in cuts(splits)] == [48, 6, 6]
    assert splits.calibration.inputs == splits.train.inputs[:16]
    assert splits.calibration.labels == splits.train.labels[:16]
    assert len(splits.unlabelled) == 0
    assert splits.dropped == {}
    assert sorted(texts(splits)) == sorted(reviews().columns["text"])


def test_labels_stay_with_their_texts():
    table = reviews()
    label_of = dict(zip(table.columns["text"], table.columns["label"], strict=True))
    splits = make_splits(table, data(), seed=3)
    for split in cuts(splits):
        assert [splits.label_names[label] for label in split.labels] == [
            label_of[text] for text in split.inputs
        ]


def test_rows_are_shuffled_and_the_seed_decides():
    first, again, other = (make_splits(reviews(), data(), seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.test.inputs != other.test.inputs
    assert first.fingerprint != other.fingerprint
    assert list(first.train.inputs) != sorted(first.train.inputs)


def test_fingerprint_is_the_same_on_every_machine():
    """A literal: a change here means that every published result belongs to another cut."""
    splits = make_splits(reviews(), data(), seed=0)
    assert splits.fingerprint == "46cd22d7e5fe4e3bdfbaf59d5f066e609f7a82a4b0db3baf186b626867e38a7a"
    script = (
        "from data_samples import data, reviews; from edgekit.data.splits import make_splits; "
        "print(make_splits(reviews(), data(), seed=0).fingerprint)"
    )
    here = Path(__file__).parent
    printed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=here,
        env={"PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == splits.fingerprint


def test_fingerprint_changes_with_a_text_a_label_and_the_cut():
    prints = {make_splits(reviews(), data(), seed=0).fingerprint}
    changed = reviews()
    changed.columns["text"][7] += "!"
    prints.add(make_splits(changed, data(), seed=0).fingerprint)
    relabelled = reviews()
    relabelled.columns["label"][7] = "neg"
    prints.add(make_splits(relabelled, data(), seed=0).fingerprint)
    renamed = Table(
        {"text": reviews().columns["text"], "label": [f"{x}!" for x in reviews().columns["label"]]}
    )
    prints.add(make_splits(renamed, data(), seed=0).fingerprint)
    prints.add(
        make_splits(reviews(), data(split={"train": 0.7, "validation": 0.2, "test": 0.1}), seed=0).fingerprint
    )
    prints.add(make_splits(reviews(), data(calibration_rows=10), seed=0).fingerprint)
    assert len(prints) == 6


def test_order_of_the_file_does_not_matter():
    table = reviews()
    turned = Table({name: values[::-1] for name, values in table.columns.items()})
    assert make_splits(table, data(), seed=0) == make_splits(turned, data(), seed=0)


def test_repeated_texts_keep_the_first_and_count_conflicts():
    table = reviews()
    table.columns["text"].extend(["A  quiet film, number 0. ", "A quiet film,\nnumber 0."])
    table.columns["label"].extend(["pos", "neg"])
    splits = make_splits(table, data(), seed=0)
    assert splits.dropped == {"conflicting_label": 1, "duplicate_text": 1}
    assert splits == Splits(
        *cuts(make_splits(reviews(), data(), seed=0)),
        splits.calibration,
        splits.unlabelled,
        ("neg", "pos"),
        splits.fingerprint,
        splits.dropped,
    )


def test_composed_and_decomposed_letters_are_one_text():
    assert text_key("Cafe\u0301\u00a0noir ") == text_key("Café noir")
    assert text_key(("a b", "c")) != text_key(("a", "b c"))


def test_repeated_texts_that_are_kept_stay_in_one_split():
    table = reviews()
    repeated = Table({name: [*values, *values, *values] for name, values in table.columns.items()})
    splits = make_splits(repeated, data(deduplicate=False), seed=0)
    assert [len(split) for split in cuts(splits)] == [240, 30, 30]
    keys = [set(split.inputs) for split in cuts(splits)]
    assert sum(map(len, keys)) == 100 == len(set.union(*keys))


def test_empty_texts_are_refused_or_counted():
    table = reviews()
    for row in (4, 8):
        table.columns["text"][row] = " \n"
    with pytest.raises(
        DataError, match=r"2 of 100 rows have no text in column 'text' \(rows 5, 9\)"
    ) as caught:
        make_splits(table, data(), seed=0)
    assert "drop_empty" in caught.value.remedy
    splits = make_splits(table, data(drop_empty=True), seed=0)
    assert splits.dropped == {"empty_text": 2}
    assert len(texts(splits)) == 98


def test_pairs():
    table = reviews()
    table = Table({**table.columns, "answer": [f"Seen {i // 2} times." for i in range(100)]})
    splits = make_splits(table, data(text_pair="answer"), seed=0)
    assert sorted(texts(splits)) == sorted(zip(table.columns["text"], table.columns["answer"], strict=True))
    table.columns["answer"][2] = None
    with pytest.raises(DataError, match=r"no text in column 'text' or 'answer' \(row 3\)"):
        make_splits(table, data(text_pair="answer"), seed=0)


def test_missing_column_lists_the_columns_and_guesses():
    table = Table({"Texts": ["a"], "label": ["b"]}, "reviews.csv")
    with pytest.raises(
        DataError, match=r"reviews\.csv has no column 'text'. Its columns: Texts, label"
    ) as caught:
        make_splits(table, data(), seed=0)
    assert "Did you mean 'Texts'?" in caught.value.remedy


def test_text_that_is_no_text():
    table = Table({"text": [1, 2], "label": ["a", "b"]}, "rows.parquet")
    with pytest.raises(DataError, match="'text' holds int, not text"):
        make_splits(table, data(), seed=0)
    table = Table({"text": ["fine", "broken \ud83d"], "label": ["a", "b"]})
    with pytest.raises(DataError, match=r"half a surrogate pair \(row 2\)"):
        make_splits(table, data(), seed=0)


def test_no_rows():
    with pytest.raises(DataError, match="holds no rows to use"):
        make_splits(Table({"text": [], "label": []}, "empty.parquet"), data(), seed=0)


def test_limit_draws_after_shuffling():
    splits = make_splits(reviews(), data(limit=30), seed=0)
    assert [len(split) for split in cuts(splits)] == [24, 3, 3]
    assert splits.dropped == {"over_limit": 70}
    assert set(splits.label_names[label] for label in splits.train.labels) == {"neg", "pos"}


def test_too_few_rows_to_stratify():
    table = reviews(60, 2)
    with pytest.raises(DataError, match="Too few rows to stratify: 'neg' 2; each class needs 3") as caught:
        make_splits(table, data(), seed=0)
    assert "data.split.stratify: false" in caught.value.remedy
    splits = make_splits(table, data(split={"stratify": False}), seed=0)
    assert [len(split) for split in cuts(splits)] == [50, 6, 6]


def test_split_smaller_than_the_number_of_classes():
    table = Table({"text": [f"text {i}" for i in range(30)], "label": [i % 6 for i in range(30)]})
    with pytest.raises(DataError, match="The validation split would have 3 rows for 6 classes"):
        make_splits(table, data(), seed=0)


def test_two_texts_are_too_few():
    with pytest.raises(DataError, match="2 distinct texts are left, too few for 3 splits"):
        make_splits(Table({"text": ["a", "b"], "label": [0, 1]}), data(split={"stratify": False}), seed=0)


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.1), (0.1, 0.1, 0.8), (0.1, 0.8, 0.1), (0.05, 0.05, 0.9)])
def test_rare_class_stands_in_every_split(shares):
    split = dict(zip(("train", "validation", "test"), shares, strict=True))
    splits = make_splits(reviews(97, 3), data(split=split), seed=0)
    assert [Counter(split.labels)[0] for split in cuts(splits)] == [1, 1, 1]
    assert [len(split) for split in cuts(splits)] == [round(100 * share) for share in shares]


def test_published_test_set_stays_whole_and_leaves_the_training_rows():
    test = Table(
        {
            "text": ["A  quiet film, number 0.", "New and bold.", "New and stale."],
            "label": ["pos", "pos", "neg"],
        },
        "test.csv",
    )
    splits = make_splits(reviews(), data(), seed=0, test_table=test)
    assert set(splits.test.inputs) == set(test.columns["text"])
    assert splits.dropped == {"in_test_set": 1}
    assert [len(split) for split in cuts(splits)] == [88, 11, 3]
    assert "A quiet film, number 0." not in splits.train.inputs + splits.validation.inputs


def test_published_test_set_with_repeats_empties_or_a_strange_class():
    test = Table({"text": ["New.", "New. ", "Old.", ""], "label": ["pos", "pos", "neg", "neg"]}, "test.csv")
    splits = make_splits(reviews(), data(drop_empty=True), seed=0, test_table=test)
    assert splits.dropped == {"test_duplicate_text": 1, "test_empty_text": 1}
    test.columns["label"][0] = "mixed"
    with pytest.raises(
        DataError, match=r"test\.csv: column 'label' holds 'mixed' \(row 1\), which is none of the"
    ):
        make_splits(reviews(), data(drop_empty=True), seed=0, test_table=test)
    with pytest.raises(DataError, match=r"test\.csv holds no test rows"):
        make_splits(reviews(), data(), seed=0, test_table=Table({"text": [], "label": []}, "test.csv"))


def test_files_are_read_and_cut(tmp_path):
    table = reviews()
    lines = [
        f"{text}\t{label}" for text, label in zip(table.columns["text"], table.columns["label"], strict=True)
    ]
    (tmp_path / "train.tsv").write_text("\n".join(["text\tlabel", *lines]))
    (tmp_path / "test.tsv").write_text("text\tlabel\nUnseen.\tpos\n")
    assert load_splits(tmp_path / "train.tsv", data(), seed=0) == make_splits(table, data(), seed=0)
    # One folder for both: its "train" and its "test" files.
    both = load_splits(tmp_path, data(), seed=0, test_path=tmp_path)
    assert both.test.inputs == ("Unseen.",)
    assert len(both.train) + len(both.validation) == 100


ROWS = st.lists(
    st.tuples(
        st.text(st.sampled_from("ab \n\u0301e"), max_size=4),
        st.one_of(st.floats(-4, 4), st.integers(-4, 4)),
    ),
    min_size=12,
    max_size=120,
)


def test_a_class_that_leads_no_text_cannot_be_stratified():
    # "b" comes under both labels; whichever row is first, the other class has nothing of its own to give.
    both = [("b", 1.0), ("b", -1.0), ("aa", 1.0), ("ab", 1.0), ("ba", 1.0)]
    table = Table({"text": [text for text, _ in both], "rating": [rating for _, rating in both]})
    test = Table({"text": ["unseen"], "rating": [1.0]})
    with pytest.raises(
        DataError, match=r"Too few rows to stratify: .*'negative' \d.*only the first row counts"
    ):
        make_splits(table, data(label=RATING, deduplicate=False), seed=0, test_table=test)
    loose = data(label=RATING, deduplicate=False, split={"stratify": False})
    assert len(texts(make_splits(table, loose, seed=0, test_table=test))) == 6


@settings(max_examples=150, deadline=None)
@given(
    rows=ROWS,
    test_rows=ROWS,
    seed=st.integers(0, 5),
    deduplicate=st.booleans(),
    stratify=st.booleans(),
    limit=st.none() | st.integers(10, 60),
    published=st.booleans(),
)
def test_every_row_is_kept_or_counted_and_no_text_is_in_two_splits(
    rows, test_rows, seed, deduplicate, stratify, limit, published
):
    def table(pairs):
        return Table({"text": [text for text, _ in pairs], "rating": [rating for _, rating in pairs]})

    config = data(
        label=RATING, drop_empty=True, deduplicate=deduplicate, limit=limit, split={"stratify": stratify}
    )
    test_table = table(test_rows) if published else None
    try:
        splits = make_splits(table(rows), config, seed=seed, test_table=test_table)
    except DataError as error:
        few = (
            "one class only",
            "no rows to use",
            "no test rows",
            "Too few rows",
            "would have",
            "distinct texts",
        )
        assert any(words in error.fact for words in few)
        return
    given_rows = len(rows) + (len(test_rows) if published else 0)
    assert len(texts(splits)) + sum(splits.dropped.values()) == given_rows
    keys = [{text_key(text) for text in split.inputs} for split in cuts(splits)]
    assert not (keys[0] & keys[1] or keys[0] & keys[2] or keys[1] & keys[2])
    assert all(len(split) for split in cuts(splits))
    if deduplicate:
        assert sum(map(len, keys)) == len(texts(splits))
    if stratify:
        classes = {label for split in (splits.train, splits.validation) for label in split.labels}
        assert set(splits.train.labels) == set(splits.validation.labels) == classes


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(10, 80), min_size=2, max_size=6),
    shares=st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8)),
)
def test_stratified_cut_is_exact_in_size_and_keeps_proportions(counts, shares):
    whole = sum(shares)
    split = dict(zip(("train", "validation", "test"), (share / whole for share in shares), strict=True))
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    table = Table({"text": [f"text {i}" for i in range(len(labels))], "label": labels})
    try:
        splits = make_splits(table, data(split=split), seed=0)
    except DataError as error:
        assert "would have" in error.fact
        return
    total = len(labels)
    for part, share in zip(cuts(splits), split.values(), strict=True):
        assert abs(len(part) - share * total) < 1
        for label, count in enumerate(counts):
            exact = count * len(part) / total
            assert abs(Counter(part.labels)[label] - max(1, exact)) <= 2
