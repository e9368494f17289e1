import csv
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.data.read import read_rows
from edgekit.errors import DataError, MissingExtra
from edgekit.recipe.schema import Data


def settings_of(**fields) -> Data:
    return Data(source={"path": "unused"}, **fields)


def read(path: Path, split: str = "train", **fields) -> dict[str, list]:
    return {
        name: list(values)
        for name, values in read_rows(path, settings_of(**fields), split=split).columns.items()
    }


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_csv_keeps_quoted_newlines_commas_and_doubled_quotes(tmp_path):
    path = write(tmp_path / "reviews.csv", 'text,label\n"A ""quiet"" film,\nand slow",pos\nDull.,neg\n')
    assert read(path) == {"text": ['A "quiet" film,\nand slow', "Dull."], "label": ["pos", "neg"]}


def test_values_that_look_like_numbers_nulls_or_dates_stay_strings(tmp_path):
    path = write(tmp_path / "reviews.csv", "text,label\nNA,007\nnull,1.0\n2014-05-30,true\n")
    assert read(path) == {"text": ["NA", "null", "2014-05-30"], "label": ["007", "1.0", "true"]}


def test_tsv_without_quoting_or_header(tmp_path):
    path = write(tmp_path / "snippets.tsv", '1\t0.5\t"Quotes" stay, even "unbalanced\n2\t-1\tbad\\n\n')
    columns = read(path, quoting=False, columns=("id", "rating", "text"))
    assert columns["text"] == ['"Quotes" stay, even "unbalanced', "bad\\n"]
    assert columns["rating"] == ["0.5", "-1"]


def test_windows_line_ends_byte_order_mark_and_blank_lines(tmp_path):
    path = write(tmp_path / "reviews.csv", b"\xef\xbb\xbftext, label\r\nFine,1\r\n\r\nPoor,0\r\n")
    assert read(path) == {"text": ["Fine", "Poor"], "label": ["1", "0"]}


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-8"])
def test_encodings(tmp_path, encoding):
    path = write(tmp_path / "reviews.csv", "text,label\nCafé à Zürich,1\n".encode(encoding))
    assert read(path, encoding=encoding)["text"] == ["Café à Zürich"]


def test_wrong_encoding_names_the_line(tmp_path):
    path = write(tmp_path / "reviews.csv", b"text,label\nfine,1\ncaf\xe9,0\n")
    with pytest.raises(DataError, match=r"reviews\.csv is not utf-8 text \(line 3\)") as caught:
        read(path)
    assert "data.encoding" in caught.value.remedy


def test_utf16_taken_for_utf8_is_recognised(tmp_path):
    path = write(tmp_path / "reviews.csv", "text,label\nfine,1\n".encode("utf-16"))
    with pytest.raises(DataError, match=r"data\.encoding: utf-16"):
        read(path)


def test_unknown_encoding(tmp_path):
    with pytest.raises(DataError, match="no encoding 'utf-9'"):
        read(write(tmp_path / "reviews.csv", "text,label\n"), encoding="utf-9")


def test_document_longer_than_the_csv_modules_usual_limit(tmp_path):
    usual = csv.field_size_limit()
    path = write(tmp_path / "long.csv", f"text,label\n{'word ' * 100_000},1\n")
    assert len(read(path)["text"][0]) == 500_000
    assert csv.field_size_limit() == usual


def test_row_with_too_many_fields_names_its_line_after_multi_line_values(tmp_path):
    path = write(tmp_path / "reviews.csv", 'text,label\n"two\nlines",1\nfine, but long,1\n')
    with pytest.raises(
        DataError, match=r"reviews\.csv, line 4: 3 fields where there are 2 columns \(text, label\)"
    ):
        read(path)


def test_row_with_too_few_fields_names_its_line(tmp_path):
    with pytest.raises(DataError, match="line 3: 1 field where"):
        read(write(tmp_path / "reviews.csv", "text,label\nfine,1\nlonely\n"))


def test_tabs_in_a_csv_suggest_tsv(tmp_path):
    with pytest.raises(DataError, match=r"data\.format: tsv"):
        read(write(tmp_path / "reviews.csv", "text\tlabel\nfine, really\t1\n"))


def test_quote_that_never_ends_names_the_row_it_starts_in(tmp_path):
    path = write(tmp_path / "reviews.csv", 'text,label\nfine,1\n"open,0\nmore,1\n')
    with pytest.raises(DataError, match="line 3: a quoted value starts in this row and never ends") as caught:
        read(path)
    assert "data.quoting: false" in caught.value.remedy


def test_stray_quote_is_refused_not_mangled(tmp_path):
    with pytest.raises(DataError, match="line 2"):
        read(write(tmp_path / "reviews.csv", 'text,label\n"Jaws" is great,1\n'))


def test_column_named_twice_and_empty_file(tmp_path):
    with pytest.raises(DataError, match="'text' more than once"):
        read(write(tmp_path / "twice.csv", "text,text\na,b\n"))
    with pytest.raises(DataError, match=r"empty\.csv is empty"):
        read(write(tmp_path / "empty.csv", ""))


def test_header_row_beside_data_columns_is_refused(tmp_path):
    path = write(tmp_path / "reviews.csv", "text,label\nfine,1\n")
    with pytest.raises(DataError, match="line 1 is a header row"):
        read(path, columns=("text", "label"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5),
        )
    ),
    file_format=st.sampled_from(["csv", "tsv"]),
)
def test_any_text_survives_writing_and_reading(tmp_path, rows, file_format):
    path = tmp_path / f"any.{file_format}"
    with path.open("w", encoding="utf-8", newline="") as stream:
        delimiter = "," if file_format == "csv" else "\t"
        writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([("text", "label"), *rows])
    assert read(path) == {"text": [text for text, _ in rows], "label": [label for _, label in rows]}


def test_json_lines_keep_types_and_fill_missing_keys(tmp_path):
    lines = [
        '{"text": "2014-05-30T10:00", "label": true}',
        "",
        '{"text": "b\\u2028c", "label": 2, "score": 0.5}',
    ]
    path = write(tmp_path / "rows.jsonl", "\n".join(lines))
    assert read(path) == {"text": ["2014-05-30T10:00", "b\u2028c"], "label": [True, 2], "score": [None, 0.5]}


def test_json_lines_with_unescaped_line_separator(tmp_path):
    path = write(
        tmp_path / "rows.jsonl", json.dumps({"text": "a\u2028b", "label": 1}, ensure_ascii=False) + "\n"
    )
    assert read(path)["text"] == ["a\u2028b"]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ('{"text": "cut', "line 2 is not JSON"),
        ('["a", 1]', "line 2 holds list"),
        ("[" * 100_000, "line 2 is not JSON"),
    ],
)
def test_bad_json_line_is_named(tmp_path, second, message):
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "rows.jsonl", f'{{"text": "a"}}\n{second}\n'))


def test_json_lines_without_rows(tmp_path):
    with pytest.raises(DataError, match="holds no rows"):
        read(write(tmp_path / "rows.jsonl", "\n\n"))


def test_parquet(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["a", None], "label": [1, 0]}), path)
    assert read(path) == {"text": ["a", None], "label": [1, 0]}


def test_damaged_parquet(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["a"] * 100}), path)
    write(path, path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"rows\.parquet can't be read as Parquet"):
        read(path)


def test_parquet_written_for_the_hub_names_its_classes(tmp_path):
    features = {"features": {"label": {"names": ["ham", "spam"], "_type": "ClassLabel"}}}
    table = pa.table({"text": ["a", "b", "c"], "label": [1, 0, -1]})
    pq.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps({"info": features})}), tmp_path / "a.parquet"
    )
    found = read_rows(tmp_path / "a.parquet", settings_of())
    assert found.columns["label"] == ["spam", "ham", None]
    assert found.classes == {"label": ("ham", "spam")}


def test_class_id_without_a_name(tmp_path):
    features = {"features": {"label": {"names": ["ham", "spam"], "_type": "ClassLabel"}}}
    table = pa.table({"label": [0, 7]}).replace_schema_metadata(
        {"huggingface": json.dumps({"info": features})}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="2 classes, but row 2 holds class 7"):
        read(tmp_path / "a.parquet")


def test_format_goes_by_ending_or_by_name(tmp_path):
    path = write(tmp_path / "reviews.txt", "text\tlabel\nfine\t1\n")
    with pytest.raises(DataError, match=r"reviews\.txt does not tell its format") as caught:
        read(path)
    assert "data.format" in caught.value.remedy
    assert read(path, format="tsv") == {"text": ["fine"], "label": ["1"]}
    assert read(write(tmp_path / "REVIEWS.CSV", "text,label\nfine,1\n"))["label"] == ["1"]


def test_columns_are_for_files_without_names(tmp_path):
    with pytest.raises(DataError, match="names its own columns"):
        read(write(tmp_path / "rows.jsonl", '{"text": "a"}'), columns=("text",))


def test_missing_file_and_hf_file(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "none.csv")
    with pytest.raises(DataError, match="hf means a folder"):
        read(write(tmp_path / "a.csv", "text\na\n"), format="hf")


def test_folder_of_shards_is_joined_in_name_order(tmp_path):
    write(tmp_path / "b.csv", "label,text\n0,second\n")
    write(tmp_path / "a.csv", "text,label\nfirst,1\n")
    write(tmp_path / ".cache/c.csv", "text,label\nhidden,1\n")
    write(tmp_path / "README.md", "about")
    assert read(tmp_path) == {"text": ["first", "second"], "label": ["1", "0"]}


def test_folder_with_splits_gives_the_one_asked_for(tmp_path):
    write(tmp_path / "data/train-00000-of-00002.jsonl", '{"text": "a"}')
    write(tmp_path / "data/train-00001-of-00002.jsonl", '{"text": "b"}')
    write(tmp_path / "data/test-00000-of-00001.jsonl", '{"text": "c"}')
    assert read(tmp_path, format="hf") == {"text": ["a", "b"]}
    assert read(tmp_path, split="test") == {"text": ["c"]}
    with pytest.raises(DataError, match="holds the splits test, train, but no 'validation'"):
        read(tmp_path, split="validation")


def test_folder_of_split_folders_and_ordinary_words(tmp_path):
    write(tmp_path / "train/restrained.csv", "text\na\n")
    write(tmp_path / "dev/latest.csv", "text\nb\n")
    assert read(tmp_path) == {"text": ["a"]}


def test_folder_that_holds_no_data_mixed_formats_or_other_columns(tmp_path):
    with pytest.raises(DataError, match="holds no data files"):
        read(write(tmp_path / "none/README.md", "about").parent)
    write(tmp_path / "mixed/a.csv", "text\na\n")
    write(tmp_path / "mixed/b.jsonl", '{"text": "b"}')
    with pytest.raises(DataError, match="several formats: csv, jsonl"):
        read(tmp_path / "mixed")
    assert read(tmp_path / "mixed", format="jsonl") == {"text": ["b"]}
    write(tmp_path / "unlike/a.csv", "text\na\n")
    write(tmp_path / "unlike/b.csv", "words\nb\n")
    with pytest.raises(DataError, match=r"columns text; b\.csv has words"):
        read(tmp_path / "unlike")


def test_folder_saved_by_datasets(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["ham", "spam"])}
    )
    rows = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, 1]}, features=features)
    rows.select([2, 0]).save_to_disk(tmp_path / "one")
    assert read(tmp_path / "one") == {"text": ["c", "a"], "label": ["spam", "ham"]}
    both = datasets.DatasetDict({"train": rows, "test": rows.select([1])})
    both.save_to_disk(tmp_path / "two")
    assert read(tmp_path / "two", format="hf")["text"] == ["a", "b", "c"]
    assert read(tmp_path / "two", split="test")["text"] == ["b"]
    next((tmp_path / "one").glob("*.arrow")).write_bytes(b"damaged")
    with pytest.raises(DataError, match="one can't be read as a datasets folder"):
        read(tmp_path / "one")


def test_folder_saved_by_datasets_without_the_package(tmp_path, monkeypatch):
    write(tmp_path / "state.json", "{}")
    monkeypatch.delitem(sys.modules, "datasets", raising=False)
    # Hides the package as an absent one is hidden: no finder knows it.
    finders = [_Without("datasets", finder) for finder in sys.meta_path]
    monkeypatch.setattr(sys, "meta_path", finders)
    with pytest.raises(MissingExtra, match=r"edgekit\[data\]"):
        read(tmp_path)


class _Without:
    def __init__(self, hidden, finder):
        self.hidden, self.finder = hidden, finder

    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] == self.hidden else self.finder.find_spec(name, path, target)


def test_a_column_inside_objects_and_lists(tmp_path):
    path = tmp_path / "chats.jsonl"
    path.write_text(
        '{"input": [{"content": "system"}, {"content": "first"}], "ideal": "1"}\n'
        '{"input": [{"content": "system"}], "ideal": "0"}\n'
        '{"input": "flat", "ideal": "0", "a.b": "named"}\n'
    )
    table = read_rows(path, settings_of())
    assert list(table.column("input.1.content", setting="data.text")) == ["first", None, None]
    assert list(table.column("a.b", setting="data.text")) == [None, None, "named"]
    with pytest.raises(DataError, match=r"no column 'inputs\.1'"):
        table.column("inputs.1", setting="data.text")
