"""A decoder's page: the same kind of page as a classifier's, from what its run recorded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import report_examples as examples
from test_report_html import LOADING
from test_report_html import Page as Read

from edgekit.app import read_report, render_report
from edgekit.errors import ModelError
from edgekit.report.language import LanguageReport
from edgekit.report.render import report_html, write_report
from edgekit.types import Interval
from tests.decoder_report import decoder_report


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_report(decoder_report(), tmp_path)
    return tmp_path


def section(page: str, title: str) -> str:
    """A section of report.md."""
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0].replace("\u202f", " ")


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    text = report_html(decoder_report())
    page = Read(text)
    assert not LOADING & {tag for tag, _ in page.elements}
    assert not re.search(r"@import|url\((?!#)|https?://", text)
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    wanted = re.findall(r'(?:href="#|url\(#)([^")]+)', text)
    assert len(ids) == len(set(ids)) and set(wanted) <= set(ids)
    pictures = page.all("svg")
    assert len(pictures) == 8  # four, each wide and narrow
    assert len(page.all("title")) == 1 + len(pictures) == 1 + len(page.all("desc"))
    assert "Student 216.0 (194.4 to 237.6)" in text and "Student from 500.0 to 250.0" in text


def test_hostile_text_stays_text() -> None:
    hostile = decoder_report(description=examples.HOSTILE)
    text = report_html(replace(hostile, name=examples.HOSTILE))
    assert "<script" not in text and not set(text) & {"\u202e", "\u2066", "\x07"}
    assert '<script>alert("x")</script>' in "".join(Read(text).words)


def test_every_figure_is_told_with_its_interval_and_its_limits(run: Path) -> None:
    text = (run / "report.md").read_text(encoding="utf-8")
    assert "2 of 3 exported files were run and verified." in text
    assert "Rejected: student-coreml-palette4." in text
    assert "| Texts alone (the student’s layers, no teacher) | 155.7 (140.1 to 171.3) |" in text
    worth = section(text, "What the teacher was worth")
    assert "saves 0.822 nats a token" in worth and "0.746 to 0.892" in worth
    assert "perplexity is 216.0, and 155.7 without a teacher" in worth  # which the headline's KL hides
    files = section(text, "Exported files")
    for told in ("67.0 MB", "0.432 (1.73 at most)", "58.0 %", "62.9 %", "23.4 (student 17.6)", "14 of 320"):
        assert told in files, told
    assert "**rejected** (mean KL is 9)" in files and "not finite" in files and "reference semantics" in files
    speed = section(text, "Speed on this machine")
    for told in ("153.6 (± 3.00)", "614.4", "150.0 (± 22.0)", "357.1 (42 % of it)", "35.5 GB/s", "223.8 MB"):
        assert told in speed, told
    limits = section(text, "Limits")
    for told in ("479 predicted tokens", "Only on macOS.", "One training with one seed"):
        assert told in limits, told
    assert "Speed of student-onnxruntime-int4" not in limits
    assert "npm install web" in text and "No coreml artifact passed its gates." in text


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.1, 0.3, "saves"), (-0.1, 0.3, "told from chance"), (-0.3, -0.1, "costs")]
)
def test_a_gain_within_noise_is_not_claimed(low: float, high: float, said: str) -> None:
    report = replace(decoder_report(), kl_gain=Interval((low + high) / 2, low, high))
    assert said in report_html(report)


def test_a_student_of_fewer_tokens_says_what_is_compared() -> None:
    report = decoder_report()
    assert "The student kept" not in report_html(report)
    cut = replace(
        report,
        teacher=replace(report.teacher, vocabulary=49_152),
        student=replace(report.student, vocabulary=8_000, compared=0.913),
    )
    text = report_html(cut).replace("\u202f", " ")
    assert "kept 8 000 of its teacher’s 49 152 tokens" in text and "91.3 % of the student’s" in text


def test_a_run_without_baseline_benchmark_and_exports_says_so(tmp_path: Path) -> None:
    bare = replace(
        decoder_report(), label_only=None, kl_gain=None, artifacts=(), kits=(), speeds=None, stages=[]
    )
    write_report(bare, tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "What the teacher was worth" not in text and "Exported files" not in text
    assert "baselines.label\\_only is off" in section(text, "Limits")
    write_report(replace(decoder_report(), speeds=None), tmp_path)
    limits = section((tmp_path / "report.md").read_text(encoding="utf-8"), "Limits")
    assert "Speed of student-onnxruntime-int4" in limits and "edgekit bench llm" in limits


def test_a_report_is_rendered_again_from_its_json_even_an_older_one(run: Path) -> None:
    before = {p.name: p.read_bytes() for p in run.iterdir()}
    report, written = render_report(run)
    assert report == decoder_report() and {p.name for p in written} == set(before)
    assert {p.name: p.read_bytes() for p in run.iterdir()} == before
    told = json.loads((run / "report.json").read_text())
    for key in ("kits", "speeds", "edgekit_version", "devices"):
        del told[key]
    for artifact in told["artifacts"]:
        del artifact["sha256"], artifact["parity"]["stored"], artifact["parity"]["sha256"]
    (run / "report.json").write_text(json.dumps(told))
    older, _ = render_report(run)
    assert isinstance(older, LanguageReport) and older.speeds is None and older.headline == told["headline"]


def test_a_damaged_report_is_refused(run: Path) -> None:
    told = json.loads((run / "report.json").read_text())
    (run / "report.json").write_text(json.dumps({**told, "teacher": 7}))
    with pytest.raises(ModelError, match="can't be read as a report"):
        read_report(run)
