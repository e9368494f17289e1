import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from edgekit.report.document import Report
from edgekit.report.markdown import report_markdown
from edgekit.report.markup import code, draw, escape, fence
from edgekit.report.table import Cell, Column, Table

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NASTY = st.text(alphabet="ab `*_|\\<>&[]()#~$!\n\r\t\u202e\u2028-+1.")


def test_the_whole_report_reads_as_markdown(full_report: Report) -> None:
    page = READER.render(report_markdown(full_report))
    assert page.count("<h1>") == 1
    assert "<h2>What distillation bought</h2>" in page and "<h2>What was not measured</h2>" in page
    assert page.count("<table>") >= 9
    assert '<td style="text-align:right">98.6 % (97.0 to 100.1)</td>' in page
    assert '<code class="language-sh">edgekit run movie-reviews' in page


def test_hostile_text_makes_no_markup(hostile_report: Report) -> None:
    text = report_markdown(hostile_report)
    page = READER.render(text)
    assert "<script" not in page and page.count("<h1>") == 1
    assert "not a heading</h" not in page.replace("not a heading</h1>", "", 1).split("<h2>", 1)[0]
    assert not set(text) & {"\u202e", "\u2066", "\x07"}


@pytest.mark.parametrize("which", ["full_report", "hostile_report"])
def test_every_row_of_a_table_has_the_columns_of_its_head(which: str, request: pytest.FixtureRequest) -> None:
    text = report_markdown(request.getfixturevalue(which))
    text = re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    width = 0
    rows = 0
    for line in text.splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line))
        if not line.startswith("|"):
            width = 0
            continue
        width = width or bars
        assert bars == width, line
        rows += 1
    assert rows > 50


def test_a_report_of_nothing_is_short(bare_report: Report) -> None:
    assert report_markdown(bare_report).splitlines()[0] == "# bare"
    assert "Nothing was scored or exported" in report_markdown(bare_report)
    assert "##" not in report_markdown(bare_report)


@given(NASTY, NASTY)
def test_any_text_stays_in_its_cell(first: str, second: str) -> None:
    table = Table("t", (Column("a"), Column("b")), ((Cell(first, code=True), Cell(second)),))
    page = READER.render(draw(table))
    assert page.count("<td ") == 2 and page.count("<tr>") == 2
    assert not re.search(r"<(?!/?(table|thead|tbody|tr|th|td|code)\b)", page)


@given(NASTY)
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    from html import unescape

    from edgekit.report.words import visible

    page = READER.renderInline(escape(f"x{text}x"))
    assert unescape(re.sub(r"<[^>]*>", "?", page)) == " ".join(visible(f"x{text}x").split())


@given(NASTY)
def test_a_fence_holds_whatever_is_inside(text: str) -> None:
    page = READER.render(f"{fence(text)}\n\nafter")
    assert page.endswith("<p>after</p>\n") and page.count("<pre>") == 1


def test_code_with_backticks_gets_more_of_them() -> None:
    assert code("a`b``c") == "```a`b``c```"
    assert code("`a`") == "`` `a` ``"
    assert code("") == ""
