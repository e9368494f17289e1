"""What a search found: the files that no other beats, and, if none fits, the nearest and what to relax."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.files import human
from edgekit.fit.bounds import Bounds
from edgekit.fit.validation import Scored

_SPARE = 0.001  # added to a relaxed bound, so that what it was taken from fits


@dataclass(frozen=True, slots=True)
class Candidate:
    """One usable file of one trained student."""

    trial: int
    file: Scored

    @property
    def point(self) -> tuple[float, float, float]:
        """Bytes, milliseconds (0 where not timed) and lost retention: less is better in each.

        To three digits, of the time two: less is not told apart.
        """
        return (
            float(f"{self.file.size_bytes:.3g}"),
            float(f"{self.file.ms or 0.0:.2g}"),
            -float(f"{self.file.retention or 0.0:.3g}"),
        )


def frontier(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other one beats: none is as good in everything and better in something. By size."""
    points = {id(c): c.point for c in candidates}
    kept: list[Candidate] = []
    for one in candidates:
        mine = points[id(one)]
        beaten = any(
            theirs != mine and all(t <= m for t, m in zip(theirs, mine, strict=True))
            for theirs in points.values()
        )
        twin = any(points[id(k)] == mine for k in kept)
        if not beaten and not twin:
            kept.append(one)
    return sorted(kept, key=lambda c: c.point)


def members(found: Sequence[Candidate], limit: int) -> list[Candidate]:
    """Files of at most `limit` students: the extremes first, then those that stand most alone.

    By crowding distance (Deb et al., 2002), in logarithms of size and time.
    """
    distance = dict.fromkeys(range(len(found)), 0.0)
    for axis in range(3):
        values = [_scaled(c.point[axis], axis) for c in found]
        order = sorted(range(len(found)), key=values.__getitem__)
        span = values[order[-1]] - values[order[0]] if order else 0.0
        if not span:
            continue
        # The best end of each axis is kept; the other end is only what an extreme elsewhere costs.
        distance[order[0]] = math.inf
        for before, here, after in zip(order, order[1:], order[2:], strict=False):
            distance[here] += (values[after] - values[before]) / span
    chosen: list[int] = []
    for index in sorted(distance, key=lambda i: -distance[i]):
        if found[index].trial in chosen or len(chosen) < limit:
            chosen.append(found[index].trial)
    return [c for c in found if c.trial in chosen]


def _scaled(value: float, axis: int) -> float:
    return value if axis == 2 else math.log10(max(value, 1e-9))


def advice(
    bounds: Bounds, candidates: Sequence[Candidate], drawn: Mapping[int, Mapping[str, float]]
) -> tuple[str, tuple[str, ...]]:
    """Why nothing fits, and commands' options that would let something in.

    Args:
        candidates: files that keep to bytes and time, whatever their retention.
        drawn: student → bound ("bytes", "ms") → how far its nearest file is beyond it, relative.
    """
    options = []
    if candidates and bounds.min_retention is not None:
        best = max(candidates, key=lambda c: c.file.retention or 0.0)
        kept = best.file.retention or 0.0
        time_told = f" and {best.file.ms:.3g} ms" if best.file.ms is not None else ""
        fact = (
            f"No student keeps {100 * bounds.min_retention:g} % of the teacher's score on the validation "
            f"rows. The nearest, student {best.trial} as {best.file.precision}, keeps {100 * kept:.1f} % at "
            f"{human(best.file.size_bytes)}{time_told}."
        )
        options.append(f"--min-retention {math.floor(1000 * kept) / 1000:g}")
    else:
        fact = f"Of {len(drawn)} students drawn none has {bounds} and passes the recipe's gates."
    for name, option, limit in (
        ("bytes", "--max-bytes", bounds.max_bytes),
        ("ms", "--max-latency-ms", bounds.max_latency_ms),
    ):
        # What only this bound kept out: the nearest of these says how far to go.
        kept_out = {
            n: by[name] for n, by in drawn.items() if [b for b, far in by.items() if far > 0] == [name]
        }
        if limit is None or not kept_out:
            continue
        first = min(kept_out, key=lambda n: kept_out[n])
        value = limit * (1 + kept_out[first])
        amount = f"{relaxed(value / 1e6):g}MB" if name == "bytes" else f"{relaxed(value):g}"
        options.append(
            f"{option} {amount} (student {first}, not trained yet; {len(kept_out)} of {len(drawn)} draws "
            "break this bound alone)"
        )
    return fact, tuple(options)


def excess_of(files: Sequence[Scored], bounds: Bounds) -> dict[str, float]:
    """How far the nearest of a student's files is beyond each bound."""
    found = [bounds.excess(f.cost) for f in files]
    return min(found, key=lambda excess: max(excess.values(), default=0.0), default={})


def relaxed(value: float) -> float:
    """A bound that a measured value passes, to three digits."""
    digits = 2 - math.floor(math.log10(value))
    return math.ceil(value * (1 + _SPARE) * 10**digits) / 10**digits
