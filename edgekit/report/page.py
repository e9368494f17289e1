"""What report.html and report.md show of a run, of whatever task: words, figures, sections and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgekit.report import charts, sensitivity, summary
from edgekit.report.document import Report
from edgekit.report.language import LanguageReport
from edgekit.report.sections import Section, sections
from edgekit.report.summary import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True, slots=True)
class Sketch:
    """A picture that is yet to be drawn."""

    shown: Any
    painter: Callable[[Any, float], Drawing]  # draws what is shown in a width
    title: str
    text: str  # what it shows, in words with the figures


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that is shown, in order; the sections say where a picture belongs."""

    name: str
    description: str
    headline: str
    checked: str  # how many files were verified; empty: there are none
    figures: Sequence[Figure]
    sections: Sequence[Section]
    version: str  # of edgekit, that wrote the report; empty: not recorded
    created: str | None
    layout: str  # of report.json; empty: it has no version
    pictures: Mapping[str, Sketch] = field(default_factory=dict)


def page_of(report: Report | LanguageReport) -> Page:
    """The page of a run."""
    if isinstance(report, LanguageReport):
        from edgekit.report.language_page import language_page

        return language_page(report)
    parts = sections(report)
    wanted = {part.picture for part in parts}
    painters: dict[str, tuple[Callable[[Any, float], Drawing], str, Callable[[Report], str]]] = {
        "scores": (charts.scores, "Scores of teacher, student and baselines", charts.scores_text),
        "trade_off": (charts.trade_off, "Size, score and latency of every file", charts.trade_off_text),
        "curves": (charts.curves, "Validation score while training", charts.curves_text),
    }
    pictures = {
        name: Sketch(report, painter, title, describe(report))
        for name, (painter, title, describe) in painters.items()
        if name in wanted
    }
    for name, artifact in sensitivity.pictures(report).items():
        about = sensitivity.title(artifact), sensitivity.described(artifact)
        pictures[name] = Sketch(artifact, sensitivity.paint, *about)
    return Page(
        name=report.recipe.name,
        description=report.recipe.description,
        headline=summary.headline(report),
        checked=summary.checked(report),
        figures=summary.key_figures(report),
        sections=parts,
        version=report.edgekit_version,
        created=report.created,
        layout=report.schema_version,
        pictures=pictures,
    )
