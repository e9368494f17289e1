"""Percentiles of whole numbers that are values which occur."""

from __future__ import annotations

from collections.abc import Sequence


def percentiles(values: Sequence[int], *points: int) -> tuple[int, ...]:
    """For each point, the smallest value with that percentage of values at or below it; 0 of no values."""
    ordered = sorted(values)
    return tuple(ordered[max(0, -(-len(ordered) * point // 100) - 1)] if ordered else 0 for point in points)
