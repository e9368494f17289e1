"""A lower bound of the time that one prediction takes on a chip. It is a bound, never a prediction.

No program runs faster than its bytes cross the memory bus or its operations fit the peak (Williams, Waterman
and Patterson, 2009). What real executions add, and it may be a hundred times the bound: dispatch, operations
off the Neural Engine, low utilisation of small shapes, activations that don't stay on chip. A model that fits
the chip's caches and runs again at once may beat the memory part alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.advice.chips import CHIPS, Chip
from edgekit.advice.cost import Cost


@dataclass(frozen=True, slots=True)
class Bound:
    """What a prediction can't be faster than on one chip."""

    chip: Chip
    length: int | None  # None: the package's shapes are fixed
    memory_ms: float | None  # None: nobody published the chip's bandwidth
    compute_ms: float
    at_least_ms: float  # the larger of the two


def bounds(cost: Cost, traffic_bytes: int, length: int | None) -> tuple[Bound, ...]:
    """One bound for every chip in the table.

    Args:
        traffic_bytes: what must cross the memory bus at least.
    """
    return tuple(_bound(chip, cost, traffic_bytes, length) for chip in CHIPS)


def _bound(chip: Chip, cost: Cost, traffic_bytes: int, length: int | None) -> Bound:
    bandwidth = chip.bandwidth_bytes_per_second
    memory = None if bandwidth is None else traffic_bytes / bandwidth * 1e3
    compute = 2 * cost.least_multiply_adds / chip.peak_operations_per_second * 1e3
    return Bound(chip, length, memory, compute, max(memory or 0.0, compute))
