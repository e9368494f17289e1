"""The search as a picture: what each file keeps of the teacher's score against its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgekit.errors import MissingExtra
from edgekit.files import atomic
from edgekit.fit.results import Outcome
from edgekit.fit.validation import Scored

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _RULE, _BOUND, _MAP = "#222222", "#d8d8d8", "#b3261e", "viridis"
_DOTS = 160


def draw(outcome: Outcome) -> None:
    """Writes `fit.svg` and `fit.png`.

    One mark a file, its colour the time; the bounds as dashed lines; a ring around the files that no other
    beats, with their student's number; for those that were tested, a cross at the test rows' figure.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("matplotlib", extra="fit", needed_for="Drawing the search") from error

    scored = [(row.number, one) for row in outcome.rows for one in row.scored if one.retention is not None]
    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "edgekit",
        "text.parse_math": False,
        "font.size": 10,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(9, 5.6), layout="constrained")
        axes = figure.add_subplot()
        if scored:
            _marks(figure, axes, scored)
        _stopped(axes, outcome)
        _bounds(axes, outcome)
        _frontier(axes, outcome, scored)
        _tested(axes, outcome)
        axes.set_xscale("log")
        axes.set_xlabel("Size of the file, MB")
        axes.set_ylabel("Kept of the teacher's validation score, %")
        axes.set_title(f"{outcome.recipe}: {outcome.bounds}", loc="left", fontsize=10, color=_INK)
        axes.grid(color=_RULE, linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        _ticks(axes)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="lower right", fontsize=8, frameon=True, framealpha=0.9)
        for ending, how in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": _DOTS})):
            with atomic(outcome.folder / f"fit.{ending}") as temporary:
                figure.savefig(temporary, format=ending, **how)


def _marks(figure: Any, axes: Axes, scored: Sequence[tuple[int, Scored]]) -> None:
    from matplotlib.colors import LogNorm

    times = [one.ms for _, one in scored if one.ms is not None]
    norm = LogNorm(min(times), max(max(times), min(times) * 1.01)) if times else None
    for rejected, marker, label in ((False, "o", None), (True, "x", "rejected by the gates")):
        chosen = [one for _, one in scored if bool(one.rejected_because) == rejected]
        if not chosen:
            continue
        points = axes.scatter(
            [one.size_bytes / 1e6 for one in chosen],
            [100 * (one.retention or 0.0) for one in chosen],
            c=[one.ms if one.ms is not None else 0.0 for one in chosen] if norm else _INK,
            cmap=_MAP if norm else None,
            norm=norm,
            marker=marker,
            s=46,
            zorder=3,
            label=label,
        )
        if norm and not rejected:
            low, high = norm.vmin or 1.0, norm.vmax or 1.0
            ticks = [low * (high / low) ** (i / 4) for i in range(5)]
            bar = figure.colorbar(points, ax=axes, label="ms a row, batch 1", ticks=ticks, format="%.2g")
            bar.ax.minorticks_off()


def _stopped(axes: Axes, outcome: Outcome) -> None:
    stopped = [(row, row.reached) for row in outcome.rows if row.reached is not None and row.files]
    if stopped:
        axes.scatter(
            [min(f.size_bytes for f in row.files if not f.error) / 1e6 for row, _ in stopped],
            [100 * reached for _, reached in stopped],
            facecolors="none",
            edgecolors="#999999",
            s=22,
            zorder=2,
            label="stopped early, where it was then",
        )


def _bounds(axes: Axes, outcome: Outcome) -> None:
    look: dict[str, Any] = {"color": _BOUND, "linewidth": 1.2, "linestyle": (0, (5, 3)), "zorder": 1}
    if outcome.bounds.max_bytes is not None:
        axes.axvline(outcome.bounds.max_bytes / 1e6, **look)
    if outcome.bounds.min_retention is not None:
        axes.axhline(100 * outcome.bounds.min_retention, **look)
    axes.axhline(100, color=_INK, linewidth=0.8, zorder=1)


def _frontier(axes: Axes, outcome: Outcome, scored: Sequence[tuple[int, Scored]]) -> None:
    best = [(n, one) for n, one in scored if (n, one.precision) in outcome.frontier]
    best.sort(key=lambda pair: pair[1].size_bytes)
    if not best:
        return
    sizes = [one.size_bytes / 1e6 for _, one in best]
    kept = [100 * (one.retention or 0.0) for _, one in best]
    axes.scatter(sizes, kept, s=130, facecolors="none", edgecolors=_INK, linewidths=1.3, zorder=4,
                 label="none is better in size, time and score")  # fmt: skip
    shown = {m.trial for m in outcome.members} or {n for n, _ in best}
    for number in shown:
        own = [(x, y, one) for (n, one), x, y in zip(best, sizes, kept, strict=True) if n == number]
        for x, y, one in own:
            axes.annotate(
                f"{number} {one.precision}" if len(own) > 1 else str(number),
                (x, y), xytext=(9, -4), textcoords="offset points", fontsize=9, color=_INK,
            )  # fmt: skip


def _tested(axes: Axes, outcome: Outcome) -> None:
    label: str | None = "the same on test rows, 95 % interval"
    for member in outcome.members:
        if member.retained is None:
            continue
        low, value, high = (
            100 * v for v in (member.retained.low, member.retained.value, member.retained.high)
        )
        x = member.size_bytes / 1e6
        axes.plot([x, x], [low, high], color=_INK, linewidth=1, alpha=0.5, zorder=2)
        axes.plot([x], [value], marker="+", markersize=9, color=_INK, linestyle="none", label=label, zorder=5)
        label = None


def _ticks(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.margins(x=0.1, y=0.1)
    low, high = axes.get_xlim()
    subs = (1, 2, 5) if high / max(low, 1e-9) > 6 else tuple(range(1, 10))
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
