import pytest
from data_samples import data

from edgekit.data.evaluation import load_evaluation
from edgekit.errors import DataError


def test_rows_keep_their_order_and_take_the_models_ids(tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\nFine.,pos\nPoor.,neg\nFine. ,pos\n")
    split = load_evaluation(tmp_path / "rows.csv", data(), labels=("pos", "neg"))
    assert (split.inputs, split.labels) == (("Fine.", "Poor."), (0, 1))


def test_label_that_the_model_lacks_and_no_rows(tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\nFine.,pos\nSo so.,mixed\n")
    with pytest.raises(DataError, match=r"'mixed' \(row 2\), which is none of the classes pos, neg"):
        load_evaluation(tmp_path / "rows.csv", data(), labels=("pos", "neg"))
    (tmp_path / "rows.csv").write_text("text,label\n")
    with pytest.raises(DataError, match="holds no usable rows"):
        load_evaluation(tmp_path / "rows.csv", data(), labels=("pos", "neg"))
