import dataclasses
import re

import pytest
import report_examples as examples

from edgekit.report import charts
from edgekit.report.document import Report
from edgekit.report.labels import spread
from edgekit.report.origin_tables import environment
from edgekit.report.render import report_html
from edgekit.report.table import Cell, Column, Table, table


def test_names_at_the_ends_of_lines_are_moved_apart_evenly() -> None:
    assert spread([10.0, 12.0, 40.0], 8.0) == [8.0, 16.0, 38.0]
    assert spread([12.0, 10.0], 8.0) == [15.0, 7.0]  # the upper one stays the upper one
    assert spread([], 8.0) == []


@pytest.mark.parametrize("painter", [charts.scores, charts.trade_off, charts.curves])
def test_pictures_take_every_colour_from_the_page(full_report: Report, painter: object) -> None:
    drawn = charts.draw("p", full_report, painter, title="T", text="D")  # type: ignore[arg-type]
    for picture in (drawn.wide, drawn.narrow):
        assert "var(--" in picture and not re.search(r"#[0-9a-f]{6}\b", picture)
        assert "<text" in picture and "xmlns" not in picture and "font:" not in picture


def test_files_of_one_size_and_score_still_have_readable_names() -> None:
    """Four marks on one spot: no two of their labels start at the same place."""
    one = examples.artifacts()[1]
    twins = [
        dataclasses.replace(one, artifact=dataclasses.replace(one.artifact, name=f"twin-{i}"))
        for i in range(4)
    ]
    drawn = charts.draw("p", examples.full(artifacts=twins), charts.trade_off, title="T", text="D")
    for picture in (drawn.wide, drawn.narrow):
        found = re.findall(r"<text[^>]*transform=\"([^\"]*)\"[^>]*>student fp32 ONNX", picture)
        assert len(found) == 4 == len(set(found))


def test_a_picture_of_one_file_without_latency_can_be_drawn(full_report: Report) -> None:
    alone = full_report.artifacts[1].model_copy(
        update={"timing": None, "score_low": None, "score_high": None}
    )
    text = report_html(full_report.model_copy(update={"artifacts": (alone,), "curves": {}}))
    assert "not timed" in text and text.count("<svg") == 4


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 columns, a row of 1"):
        Table("t", (Column("a"), Column("b")), ((Cell("1"),),))


def test_number_columns_without_a_number_are_left_out() -> None:
    made = table(
        "t", [Column("a"), Column("b", numeric=True), Column("c")], [[Cell("x"), Cell("–"), Cell("–")]]
    )
    assert [c.title for c in made.columns] == ["a", "c"]


def test_the_environment_is_shown_flat_with_readable_names() -> None:
    recorded = {
        "memory_bytes": 25_276_502_016,
        "cpu": {"usable_cores": 2, "governor": None, "features": ["avx2", "fma"]},
        "threads": {"variables": {"OMP_NUM_THREADS": "1"}},
        "versions": {"scikit_learn": "1.7.2"},
        "quiet": True,
    }
    rows = [(row[0].text, row[1].text) for row in environment(recorded).rows]
    assert rows == [
        ("memory", "25.3\u202fGB"),
        ("cpu, usable cores", "2"),
        ("cpu, governor", "–"),
        ("cpu, features", "avx2, fma"),
        ("threads, variables, OMP_NUM_THREADS", "1"),
        ("versions, scikit_learn", "1.7.2"),
        ("quiet", "yes"),
    ]
