"""The page's pictures. Each is drawn for a wide and for a narrow screen: its text must stay readable."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from edgekit.errors import MissingExtra
from edgekit.report import svg
from edgekit.report.document import Report
from edgekit.report.inputs import input_words
from edgekit.report.verdict import kind
from edgekit.report.words import (
    metric_name,
    metric_words,
    milliseconds,
    number,
    points,
    size,
    span,
    tolerance,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

T = TypeVar("T")
WIDE = 720.0  # SVG units, one CSS pixel each at full width
NARROW = 340.0
_TEXT = 13.0
_NAMES = {"teacher": "Teacher", "student": "Student", "label_only": "Labels only"}
_COLOURS = {"teacher": svg.TEACHER, "student": svg.STUDENT, "label_only": svg.BASELINE}


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture in both widths."""

    wide: str  # <svg> elements
    narrow: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a picture: a value and its interval, in the unit of the picture's axis."""

    label: str
    value: float
    low: float
    high: float
    colour: str


def draw(name: str, shown: T, painter: Callable[[T, float], Any], *, title: str, text: str) -> Picture:
    """Draws one picture in both widths.

    Args:
        shown: the report, or a part of it.
        painter: makes the matplotlib figure of that for a width.
        title: its name for readers who can't see it.
        text: what it shows, in words with the figures.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    widths = {"wide": WIDE, "narrow": NARROW}
    return Picture(
        **{
            key: svg.for_page(_paint(painter, shown, width), name=f"{name}-{key}", title=title, text=text)
            for key, width in widths.items()
        }
    )


def _paint(painter: Callable[[T, float], Figure], shown: T, width: float) -> str:
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtra(
            "matplotlib", extra="report", needed_for="Drawing the report's pictures"
        ) from error

    style: Any = {  # its keys are literal types of matplotlib's own
        "svg.fonttype": "none",
        "svg.hashsalt": "edgekit",
        "text.parse_math": False,
        "font.size": _TEXT,
        "text.color": svg.INK,
        "axes.edgecolor": svg.RULE,
        "axes.labelcolor": svg.MUTED,
        "axes.labelsize": _TEXT,
        "xtick.color": svg.MUTED,
        "ytick.color": svg.MUTED,
        "xtick.labelsize": _TEXT - 1,
        "ytick.labelsize": _TEXT - 1,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.minor.size": 0,
        "grid.color": svg.RULE,
        "grid.linewidth": 1,
    }
    with mpl.rc_context(style):
        figure = painter(shown, width)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


@contextmanager
def canvas(
    width: float, height: float, margins: tuple[float, float, float, float]
) -> Iterator[tuple[Any, Any]]:
    """A figure with one axes; margins are left, right, top and bottom, in the same units as the size."""
    from matplotlib.figure import Figure

    left, right, top, bottom = margins
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)  # a pixel is a point
    axes = figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    )
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.set_axisbelow(True)
    yield figure, axes


def score_rows(report: Report) -> list[tuple[str, float, float | None, float | None, str]]:
    """(label, score, low, high, colour) of everything that was scored before export."""
    entries = [
        ("Teacher", report.teacher, svg.TEACHER),
        ("Student", report.student, svg.STUDENT),
        ("Labels only", report.baselines.label_only, svg.BASELINE),
        (input_words(report.task).baseline_title, report.baselines.tfidf, svg.BASELINE),
    ]
    return [
        (label, entry.score, entry.score_low, entry.score_high, colour)
        for label, entry, colour in entries
        if entry is not None and entry.score is not None
    ]


def scores(report: Report, width: float) -> Figure:
    """One bar an entry over its 95 % interval, a mark at the score, the teacher's score as a line."""
    rows = [
        Bar(
            label,
            100 * score,
            100 * (score if low is None else low),
            100 * (score if high is None else high),
            colour,
        )
        for label, score, low, high, colour in score_rows(report)
    ]
    teacher = report.teacher.score if report.teacher is not None else None
    return bars(
        rows,
        width,
        axis=f"{metric_name(report.metric)}, % (bar: 95 % interval)",
        line=None if teacher is None else 100 * teacher,
    )


def bars(
    rows: Sequence[Bar], width: float, *, axis: str, line: float | None = None, digits: int = 1
) -> Figure:
    """One bar a row over its interval, a mark at the value, and the value in words where there is room.

    Args:
        axis: what is drawn, with its unit.
        line: the teacher's value, as a dashed line.
        digits: after the decimal point, in the words.
    """
    narrow = width < 500
    step = 34.0
    with canvas(width, step * len(rows) + 54, (92, 16 if narrow else 156, 6, 48)) as (figure, axes):
        for place, row in enumerate(rows):
            axes.barh(place, row.high - row.low, left=row.low, height=0.34, color=row.colour, alpha=0.35)
            axes.plot([row.value], [place], "o", color=row.colour, markersize=9)
            axes.annotate(
                row.label,
                (0, place),
                xycoords=("axes fraction", "data"),
                xytext=(-92, 0),
                textcoords="offset points",
                va="center",
            )
            if not narrow:
                for text, shift, look in (
                    (number(row.value, digits), 46, {"weight": "bold"}),
                    (span(row.low, row.high, digits=digits), 152, {"color": svg.MUTED}),
                ):
                    axes.annotate(
                        text,
                        (1, place),
                        xycoords=("axes fraction", "data"),
                        xytext=(shift, 0),
                        textcoords="offset points",
                        va="center",
                        ha="right",
                        **look,
                    )
        if line is not None:
            axes.axvline(line, color=svg.TEACHER, linewidth=1, dashes=(3, 3), zorder=0)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks([])
        _ticks(axes, narrow)
        axes.grid(axis="x")
        axes.set_xlabel(axis)
    return figure


def _ticks(axes: Axes, narrow: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.margins(x=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4 if narrow else 7, steps=[1, 2, 5, 10]))


def placed(report: Report) -> list[Any]:
    """Artifacts that the size–score–latency picture can show: those with a score."""
    return [a for a in report.artifacts if a.score is not None]


def trade_off(report: Report, width: float) -> Figure:
    """Size against score; the area of a mark grows with its latency."""
    from edgekit.report.labels import Mark, place_labels

    artifacts = placed(report)
    narrow = width < 500
    timings = [a.timing.p50_ms for a in artifacts if a.timing is not None and a.timing.p50_ms is not None]
    slowest = max(timings, default=1.0)
    with canvas(width, 320, (48, 24 if narrow else 120, 16, 48)) as (figure, axes):
        axes.set_xscale("log")
        marks = []
        for artifact in artifacts:
            colour = _COLOURS[artifact.model]
            x, y = artifact.size_bytes / 1e6, artifact.score * 100
            low = artifact.score_low * 100 if artifact.score_low is not None else y
            high = artifact.score_high * 100 if artifact.score_high is not None else y
            p50 = artifact.timing.p50_ms if artifact.timing is not None else None
            area = 60 + 900 * p50 / slowest if p50 is not None else 60
            axes.plot([x, x], [low, high], color=colour, linewidth=2, alpha=0.6, solid_capstyle="round")
            if p50 is None:
                axes.scatter([x], [y], s=area, facecolor=svg.PAPER, edgecolor=colour, linewidths=2, zorder=3)
            else:
                axes.scatter([x], [y], s=area, color=colour, alpha=0.75, linewidths=0, zorder=3)
            speed = f"{milliseconds(p50)} ms" if p50 is not None else "not timed"
            name = f"{artifact.model} {kind(artifact)}"
            marks.append(Mark(x, y, low, high, radius=area**0.5 / 2, first=name, second=speed))
        axes.margins(x=0.28 if narrow else 0.08, y=0.12)
        axes.autoscale_view()
        plain_ticks(axes.xaxis)
        axes.grid()
        axes.set_xlabel("Size, MB (log scale)")
        axes.set_ylabel(f"{metric_name(report.metric)}, %")
        place_labels(figure, axes, marks, font_size=_TEXT - 1)
    return figure


def plain_ticks(axis: Any, *, subs: Sequence[int] = (1, 2, 5)) -> None:
    """1, 2 and 5 of every power of ten on a logarithmic axis, as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(base=10, subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: tolerance(value)))
    axis.set_minor_locator(NullLocator())


def curves(report: Report, width: float) -> Figure:
    """Validation score over epochs, one line a model, its name at its end."""
    lines = [
        (_NAMES[key], _COLOURS[key], [(p.epoch, p.validation_score * 100) for p in curve])
        for key, curve in report.curves.items()
        if curve
    ]
    return over_epochs(lines, width, axis=f"Validation {metric_words(report.metric)}, %")


def over_epochs(
    lines: Sequence[tuple[str, str, Sequence[tuple[float, float]]]],
    width: float,
    *,
    axis: str,
    log: bool = False,
) -> Figure:
    """Lines over epochs, each with its name at its end.

    Args:
        lines: name, colour, and (epoch, value) from left to right.
        axis: what is drawn, with its unit.
        log: on a logarithmic scale.
    """
    from edgekit.report.labels import spread

    narrow = width < 500
    with canvas(width, 280, (48, 92, 12, 48)) as (figure, axes):
        if log:
            axes.set_yscale("log")
        for _, colour, reached in lines:
            xs, ys = zip(*reached, strict=True)
            axes.plot(xs, ys, color=colour, linewidth=2, marker="o", markersize=4)
        axes.margins(x=0.03, y=0.1)
        axes.autoscale_view()
        if log:
            plain_ticks(axes.yaxis)
        axes.grid(axis="y")
        _ticks(axes, narrow)
        axes.set_xlabel("Epoch")
        axes.set_ylabel(axis)
        heights = [axes.transData.transform((0, reached[-1][1]))[1] for _, _, reached in lines]
        for (label, colour, reached), moved, height in zip(
            lines, spread(heights, _TEXT + 3), heights, strict=True
        ):
            axes.annotate(
                label,
                reached[-1],
                xytext=(9, moved - height),
                textcoords="offset points",
                va="center",
                color=colour,
            )
    return figure


def scores_text(report: Report) -> str:
    """The score picture in words."""
    said = [
        f"{label} {points(score)} % ({span(low, high, 100)})"
        for label, score, low, high, _ in score_rows(report)
    ]
    return f"{metric_name(report.metric)} with 95 % intervals: {'; '.join(said)}."


def trade_off_text(report: Report) -> str:
    """The size–score–latency picture in words."""
    said = []
    for a in placed(report):
        p50 = a.timing.p50_ms if a.timing is not None else None
        speed = f", {milliseconds(p50)} ms" if p50 is not None else ""
        said.append(f"{a.model} {kind(a)} {size(a.size_bytes)}, {points(a.score)} %{speed}")
    return f"{'; '.join(said)}."


def curves_text(report: Report) -> str:
    """The training curves in words."""
    said = [
        f"{_NAMES[key]} from {points(curve[0].validation_score)} to {points(curve[-1].validation_score)} % "
        f"after {curve[-1].epoch:g} epochs"
        for key, curve in report.curves.items()
    ]
    return f"{'; '.join(said)}."
