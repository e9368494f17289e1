"""report.md: the sections of the page as Markdown, for a terminal, a pull request or a diff."""

from __future__ import annotations

from edgekit.report.document import Report
from edgekit.report.language import LanguageReport
from edgekit.report.markup import draw, escape, fence
from edgekit.report.page import Page, page_of
from edgekit.report.sections import Section
from edgekit.report.table import Table


def report_markdown(report: Report | LanguageReport) -> str:
    """The whole report. A picture is replaced by the words that describe it, if no table says the same."""
    page = page_of(report)
    blocks = [f"# {escape(page.name)}"]
    if page.description:
        blocks.append(escape(page.description))
    blocks.append(f"**{escape(page.headline)}**")
    if page.checked:
        blocks.append(escape(page.checked))
    for section in page.sections:
        blocks += _section(page, section)
    version, written = page.version and f" {page.version}", f" at {page.created}" if page.created else ""
    layout = f" (layout {page.layout})" if page.layout else ""
    blocks.append(
        f"Written by edgekit{escape(version)}{escape(written)}. The same figures, unrounded, are in "
        f"report.json{layout}."
    )
    return "\n\n".join(blocks) + "\n"


def _section(page: Page, section: Section) -> list[str]:
    blocks = [f"## {escape(section.title)}", *(escape(p) for p in section.paragraphs)]
    if section.command:
        blocks.append(fence(section.command, "sh"))
    if section.picture == "curves":  # the other pictures repeat a table
        blocks.append(escape(page.pictures[section.picture].text))
    blocks += _tables(section.tables)
    for _, tables in section.folded:
        blocks += _tables(tables)
    if section.listing:
        blocks += [f"{escape(section.listing_title)}:", fence(section.listing, "yaml")]
    return blocks if len(blocks) > 1 else []  # a heading over a picture alone


def _tables(tables: tuple[Table, ...]) -> list[str]:
    return [block for table in tables if table for block in (f"### {escape(table.caption)}", draw(table))]
