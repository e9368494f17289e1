"""Writes report.json, report.html and report.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit import progress
from edgekit.codec import to_json
from edgekit.errors import MissingExtra
from edgekit.files import atomic, write_json
from edgekit.report import charts
from edgekit.report.document import Report
from edgekit.report.language import LanguageReport
from edgekit.report.markdown import report_markdown
from edgekit.report.page import Page, page_of
from edgekit.report.words import visible

_TEMPLATES = Path(__file__).parent / "templates"


def write_report(report: Report | LanguageReport, folder: Path) -> list[Path]:
    """Writes the report in its three forms, each atomically.

    Without matplotlib the page has no pictures, and says so in their place.

    Returns:
        The paths of report.json, report.html and report.md.

    Raises:
        MissingExtra: jinja2 is not installed; report.json and report.md are there already.
        DiskFull: no space was left; what was there before is untouched.
    """
    as_json, as_html, as_markdown = (folder / f"report.{kind}" for kind in ("json", "html", "md"))
    if isinstance(report, LanguageReport):
        write_json(as_json, {"headline": report.headline, **to_json(report)})
    else:
        write_json(as_json, report.model_dump(mode="json"))
    for path, draw in ((as_markdown, report_markdown), (as_html, report_html)):
        with atomic(path) as temporary:
            temporary.write_text(draw(report), encoding="utf-8")
    return [as_json, as_html, as_markdown]


def report_html(report: Report | LanguageReport) -> str:
    """The page: one file, no scripts, nothing loaded from anywhere.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtra("jinja2", extra="report", needed_for="Writing report.html") from error

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    page = page_of(report)
    try:
        pictures, note = _pictures(page), ""
    except MissingExtra as missing:
        pictures, note = {}, f"The pictures are missing: {missing.fact} {missing.remedy}"
        progress.say(note)
    return environment.get_template("report.html.j2").render(page=page, pictures=pictures, pictures_note=note)


def _visible(value: Any) -> Any:
    """Plain text only: markup made by a template is left as it is."""
    return visible(value) if type(value) is str else value


def _pictures(page: Page) -> dict[str, charts.Picture]:
    return {
        name: charts.draw(name.replace("_", "-"), one.shown, one.painter, title=one.title, text=one.text)
        for name, one in page.pictures.items()
    }
