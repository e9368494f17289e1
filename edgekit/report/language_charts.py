"""The pictures of a decoder's page: perplexity, distance to the teacher, training, size against distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report import svg
from edgekit.report.charts import Bar, bars, canvas, over_epochs, plain_ticks
from edgekit.report.language import ExportedDecoder, LanguageReport
from edgekit.report.words import number, size, span, tolerance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FLOOR = 1e-7  # nats; where no distance at all is drawn
_COLOURS = {"teacher": svg.TEACHER, "student": svg.STUDENT, "label-only": svg.BASELINE}
_FONT = 12.0


def perplexities(report: LanguageReport, width: float) -> Figure:
    """Perplexity on held-out text with its interval, the teacher's as a line."""
    return bars(
        [
            Bar(one.title, p.value, p.low, p.high, _colour(one.name))
            for one in report.models
            if (p := one.perplexity)
        ],
        width,
        axis=_axis("Perplexity", width),
        line=report.teacher.perplexity.value,
    )


def _axis(what: str, width: float) -> str:
    return what if width < 500 else f"{what}, less is better (bar: 95 % interval)"


def perplexities_text(report: LanguageReport) -> str:
    """The picture of perplexities in words."""
    said = [
        f"{one.title} {number(p.value)} ({span(p.low, p.high)})"
        for one in report.models
        if (p := one.perplexity)
    ]
    return f"Perplexity with 95 % intervals: {'; '.join(said)}."


def distances(report: LanguageReport, width: float) -> Figure:
    """KL to the teacher of the student, and of the student that had none."""
    rows = [
        Bar(one.title, one.kl.value, one.kl.low, one.kl.high, _colour(one.name))
        for one in report.models
        if one.kl is not None
    ]
    return bars(
        rows,
        width,
        axis=_axis("KL to the teacher, nats a token", width),
        digits=3 if max((row.value for row in rows), default=0.0) < 1 else 2,
    )


def distances_text(report: LanguageReport) -> str:
    """The picture of distances in words."""
    said = [
        f"{one.title} {number(one.kl.value, 3)} ({span(one.kl.low, one.kl.high, digits=3)})"
        for one in report.models
        if one.kl is not None
    ]
    return f"KL to the teacher in nats a token with 95 % intervals: {'; '.join(said)}."


def curves(report: LanguageReport, width: float) -> Figure:
    """Validation perplexity over epochs."""
    lines = [
        (
            one.title,
            _colour(one.name),
            [(p.epoch, 1 / p.validation_score) for p in one.curve if p.validation_score > 0],
        )
        for one in report.models
    ]
    return over_epochs(
        [line for line in lines if line[2]], width, axis="Validation perplexity (log scale)", log=True
    )


def curves_text(report: LanguageReport) -> str:
    """The training curves in words."""
    said = []
    for one in report.models:
        reached = [p for p in one.curve if p.validation_score > 0]
        if reached:
            first, last = (number(1 / p.validation_score) for p in (reached[0], reached[-1]))
            said.append(f"{one.title} from {first} to {last} after {reached[-1].epoch:g} epochs")
    return f"Validation perplexity: {'; '.join(said)}."


def placed(report: LanguageReport) -> list[ExportedDecoder]:
    """The files that the picture of sizes can show."""
    return [one for one in report.artifacts if one.parity.mean_kl is not None]


def trade_off(report: LanguageReport, width: float) -> Figure:
    """Size against the distance to the student, with the speed in words; rejected files are hollow."""
    from edgekit.report.labels import Mark, place_labels

    narrow = width < 500
    with canvas(width, 300, (64, 24 if narrow else 120, 16, 48)) as (figure, axes):
        axes.set_yscale("log")
        marks: list[Mark] = []
        for one in placed(report):
            x, y = one.size_bytes / 1e6, max(one.parity.mean_kl or 0.0, FLOOR)
            colour = svg.BASELINE if one.rejected_because else svg.STUDENT
            face = svg.PAPER if one.rejected_because else colour
            axes.scatter([x], [y], s=90, facecolor=face, edgecolor=colour, linewidths=2, zorder=3)
            marks.append(Mark(x, y, y, y, radius=5.0, first=one.kind, second=_speed(report, one)))
        axes.margins(x=0.35 if narrow else 0.2, y=0.25)
        axes.autoscale_view()
        lowest, highest = axes.get_ylim()
        plain_ticks(axes.yaxis, subs=(1, 2, 5) if highest < 300 * lowest else (1,))
        axes.grid()
        axes.set_xlabel("Size, MB")
        axes.set_ylabel("KL to the student, nats (log scale)")
        place_labels(figure, axes, marks, font_size=_FONT)
    return figure


def trade_off_text(report: LanguageReport) -> str:
    """The picture of sizes in words."""
    said = [
        f"{one.kind} {size(one.size_bytes)}, {tolerance(one.parity.mean_kl)} nats, {_speed(report, one)}"
        for one in placed(report)
    ]
    return f"{'; '.join(said)}."


def _speed(report: LanguageReport, one: ExportedDecoder) -> str:
    row = report.speed_of(one.name)
    return "not timed" if row is None or row.decode is None else f"{row.decode.median:.0f} tokens/s"


def _colour(name: str) -> str:
    return _COLOURS.get(name, svg.BASELINE)
