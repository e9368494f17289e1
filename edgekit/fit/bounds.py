"""What a student must keep to: bytes, milliseconds, and the share of the teacher's score."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgekit.errors import RecipeError
from edgekit.files import human


@dataclass(frozen=True, slots=True)
class Cost:
    """What one file takes on this machine."""

    size_bytes: int
    ms: float | None  # a row at batch 1, tokenization excluded; None: can't be run here


@dataclass(frozen=True, slots=True)
class Bounds:
    """None: unbounded."""

    max_bytes: int | None = None
    max_latency_ms: float | None = None
    min_retention: float | None = None  # share of the teacher's score, 0.97

    def __post_init__(self) -> None:
        given = (self.max_bytes, self.max_latency_ms, self.min_retention)
        if all(value is None for value in given):
            raise RecipeError(
                "No bound is given, so every student would fit.",
                remedy="Give at least one of --max-bytes, --max-latency-ms and --min-retention.",
            )
        if any(value is not None and not (math.isfinite(value) and value > 0) for value in given):
            raise RecipeError(f"A bound is not above 0: {self}.", remedy="Give sizes and times above 0.")

    def __str__(self) -> str:
        said = []
        if self.max_bytes is not None:
            said.append(f"at most {human(self.max_bytes)}")
        if self.max_latency_ms is not None:
            said.append(f"at most {self.max_latency_ms:g} ms a row")
        if self.min_retention is not None:
            said.append(f"at least {100 * self.min_retention:g} % of the teacher's score")
        return ", ".join(said)

    def broken_by(self, cost: Cost) -> str:
        """Which bound a file breaks, in words; "" if none. A time that is not known breaks none."""
        said = []
        if self.max_bytes is not None and cost.size_bytes > self.max_bytes:
            said.append(f"{human(cost.size_bytes)} is above {human(self.max_bytes)}")
        if self.max_latency_ms is not None and cost.ms is not None and cost.ms > self.max_latency_ms:
            said.append(f"{cost.ms:.3g} ms is above {self.max_latency_ms:g} ms")
        return " and ".join(said)

    def excess(self, cost: Cost) -> dict[str, float]:
        """Bound → how far a file is beyond it, relative; at most 0 where it holds."""
        found = {}
        if self.max_bytes is not None:
            found["bytes"] = cost.size_bytes / self.max_bytes - 1
        if self.max_latency_ms is not None and cost.ms is not None:
            found["ms"] = cost.ms / self.max_latency_ms - 1
        return found

    def keeps(self, retention: float) -> bool:
        """Whether enough of the teacher's score is left."""
        return self.min_retention is None or retention >= self.min_retention

    def merit(self, retention: float, cost: Cost, teacher: Cost) -> float:
        """What the search maximises, among files inside bytes and time.

        Retention; and once `min_retention` is reached, how much smaller and faster than the teacher: above 1,
        the mean of both ratios' decimal logarithms, so that no retention below the bound comes near.
        """
        if self.min_retention is None:
            return retention
        if retention < self.min_retention:
            return retention / self.min_retention
        gains = [math.log10(teacher.size_bytes / cost.size_bytes)]
        if cost.ms and teacher.ms:
            gains.append(math.log10(teacher.ms / cost.ms))
        return 1 + max(0.0, sum(gains) / len(gains))
