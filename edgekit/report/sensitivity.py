"""Mixed precision, weight by weight: what each storage would cost, which was taken, and which weights were
kept higher."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edgekit.report import svg
from edgekit.report.charts import canvas
from edgekit.report.document import ArtifactRecord, Report, WeightRecord
from edgekit.report.verdict import target_name
from edgekit.report.words import count, in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 40  # weights in one picture, those with the largest effects
MOST_NAMES = 6  # in a sentence
FLOOR = 1e-7  # where no effect at all is drawn
_IDLE = {"weight", "self", "dense"}  # parts of a name that tell nothing apart


def pictures(report: Report) -> dict[str, ArtifactRecord]:
    """A picture's name → the artifact that it is of, for those whose weights were measured one by one."""
    found = [a for a in report.artifacts if a.quantization is not None and a.quantization.weights]
    return {f"sensitivity-{number}": artifact for number, artifact in enumerate(found, start=1)}


def title(artifact: ArtifactRecord) -> str:
    """The heading of one artifact's picture."""
    return f"Mixed precision for {target_name(artifact.target)}"


def described(artifact: ArtifactRecord) -> str:
    """Which weights were kept higher, in a sentence or two."""
    weights = _weights(artifact)
    lowest = min(w.bits for w in weights)
    low = [w for w in weights if w.bits == lowest]
    high = sorted((w for w in weights if w.bits > lowest), key=_largest, reverse=True)
    said = f"Of {count(len(weights))} weights that could shrink, {count(len(low))} are in {lowest} bits."
    if not high:
        return said
    names = [f"{_spoken(w.name)} ({_stored(w)})" for w in high[:MOST_NAMES]]
    more = [f"{count(len(high) - MOST_NAMES)} more"] if len(high) > MOST_NAMES else []
    return f"{said} Kept higher, by what they would cost there: {in_words([*names, *more])}."


def caption(artifact: ArtifactRecord) -> str:
    """What the picture shows."""
    left_out = len(_weights(artifact)) - MOST_ROWS
    return (
        "Each weight alone: how far the outputs move when it is stored so (further right is worse). Rings "
        "are what was measured, the disc is what was taken; a weight without one was left as it was. In "
        "colour: more bits than the lowest."
        + (f" {count(left_out)} weights with smaller effects are not drawn." if left_out > 0 else "")
    )


def short(name: str) -> str:
    """`bert.encoder.layer.0.attention.self.query.weight` → `0 attention.query`."""
    parts = [part for part in name.split(".") if part not in _IDLE]
    places = [i for i, part in enumerate(parts) if part.isdecimal()]
    if not places:
        return parts[-1] if parts else name
    return f"{parts[places[-1]]} {'.'.join(parts[places[-1] + 1 :])}"


def _spoken(name: str) -> str:
    place = short(name)
    return f"layer {place}" if place[0].isdecimal() else place


def paint(artifact: ArtifactRecord, width: float) -> Figure:
    """One row a weight, layer by layer; the effect on a logarithmic axis."""
    shown = {w.name for w in sorted(_weights(artifact), key=_largest, reverse=True)[:MOST_ROWS]}
    # Matrices that a rule packed stand at a graph's end.
    weights = sorted((w for w in _weights(artifact) if w.name in shown), key=_layer)
    lowest = min(w.bits for w in _weights(artifact))
    narrow = width < 500
    left = 136 if narrow else 220
    with canvas(width, 22 * len(weights) + 56, (left, 64, 6, 50)) as (figure, axes):
        axes.set_xscale("log")
        for place, weight in enumerate(weights):
            colour = svg.STUDENT if weight.bits > lowest else svg.MUTED
            effects = {scheme: max(e, FLOOR) for scheme, e in weight.effects.items() if e is not None}
            axes.plot(
                [min(effects.values()), max(effects.values())], [place, place], color=colour, linewidth=1
            )
            for scheme, effect in effects.items():
                taken = scheme == weight.scheme
                face = colour if taken else svg.PAPER
                axes.plot([effect], [place], "o", color=colour, markerfacecolor=face, markersize=7)
            _written(axes, _fitted(short(weight.name), 17 if narrow else 34), place, 0, -left, svg.INK)
            _written(axes, _stored(weight), place, 1, 10, colour)
        axes.set_ylim(len(weights) - 0.4, -0.6)
        axes.set_yticks([])
        axes.margins(x=0.05)
        _ticks(axes, 3 if narrow else 6)
        axes.grid(axis="x")
        axes.set_xlabel("Effect on the outputs" + ("" if narrow else ", each weight alone (log scale)"))
    return figure


def _written(axes: Any, text: str, place: int, edge: int, shift: float, colour: str) -> None:
    axes.annotate(
        text,
        (edge, place),
        xycoords=("axes fraction", "data"),
        xytext=(shift, 0),
        textcoords="offset points",
        va="center",
        color=colour,
    )


def _ticks(axes: Any, most: int) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(base=10, numticks=most))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _power(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _power(value: float) -> str:
    return "10" + str(round(math.log10(value))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _layer(weight: WeightRecord) -> int:
    place = short(weight.name).split(" ")[0]
    return int(place) if place.isdecimal() else -1


def _fitted(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    place, _, rest = text.partition(" ")
    return f"{place} …{rest[len(text) + 1 - most :].lstrip('.')}" if rest else f"…{text[1 - most :]}"


def _stored(weight: WeightRecord) -> str:
    return weight.scheme or f"fp{weight.bits}"


def _largest(weight: WeightRecord) -> float:
    return max((e for e in weight.effects.values() if e is not None), default=0.0)


def _weights(artifact: ArtifactRecord) -> tuple[WeightRecord, ...]:
    assert artifact.quantization is not None
    return artifact.quantization.weights
