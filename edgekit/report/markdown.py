"""report.md: the sections of the page as Markdown, for a terminal, a pull request or a diff."""

from __future__ import annotations

from edgekit.report import charts, summary
from edgekit.report.document import Report
from edgekit.report.markup import draw, escape, fence
from edgekit.report.sections import Section, sections
from edgekit.report.table import Table


def report_markdown(report: Report) -> str:
    """The whole report. A picture is replaced by the words that describe it."""
    blocks = [f"# {escape(report.recipe.name)}"]
    if report.recipe.description:
        blocks.append(escape(report.recipe.description))
    blocks.append(f"**{escape(summary.headline(report))}**")
    if checked := summary.checked(report):
        blocks.append(escape(checked))
    for section in sections(report):
        blocks += _section(report, section)
    written = f" at {escape(report.created)}" if report.created else ""
    blocks.append(
        f"Written by edgekit {escape(report.edgekit_version)}{written}. The same figures, unrounded, are in "
        f"report.json (layout {report.schema_version})."
    )
    return "\n\n".join(blocks) + "\n"


def _section(report: Report, section: Section) -> list[str]:
    blocks = [f"## {escape(section.title)}", *(escape(p) for p in section.paragraphs)]
    if section.command:
        blocks.append(fence(section.command, "sh"))
    if section.picture == "curves":  # the other pictures repeat a table
        blocks.append(escape(charts.curves_text(report)))
    blocks += _tables(section.tables)
    for _, tables in section.folded:
        blocks += _tables(tables)
    if section.listing:
        blocks += [f"{escape(section.listing_title)}:", fence(section.listing, "yaml")]
    return blocks if len(blocks) > 1 else []  # a heading over a picture alone


def _tables(tables: tuple[Table, ...]) -> list[str]:
    return [block for table in tables if table for block in (f"### {escape(table.caption)}", draw(table))]
