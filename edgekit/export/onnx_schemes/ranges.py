"""The range of an activation: which values 256 codes must tell apart.

`minmax` takes all that calibration showed. The others clip what is rare: `percentile` leaves a share of the
values outside, `entropy` keeps the distribution of values most alike (Migacz, 2017), `mse` loses the least
squared error to rounding and clipping together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from edgekit.quiet import quiet

if TYPE_CHECKING:
    import numpy as np

    from edgekit.export.onnx_schemes.settings import Settings

BINS = 1024  # of the histogram; it grows with the range
ENTROPY_BINS = 128
CUTS = 48  # ranges that `mse` tries at each end


class Range:
    """The range of one tensor over rows."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._collector: Any = None

    def add(self, values: np.ndarray) -> None:
        """Takes `[T, K]`."""
        if self._collector is None:
            with quiet():
                from onnxruntime.quantization.calibrate import HistogramCollector

            own = {"minmax": "distribution", "mse": "distribution"}
            method = own.get(self._settings.calibration, self._settings.calibration)
            self._collector = HistogramCollector(
                method, False, BINS, ENTROPY_BINS, self._settings.percentile, "same"
            )
        self._collector.collect_value({"x": values})

    @cached_property
    def span(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        histogram = self._collector.get_histogram_dict()["x"]
        if self._settings.calibration == "minmax":
            return float(histogram[2]), float(histogram[3])
        if self._settings.calibration == "mse":
            return least_error(histogram[0], histogram[1], float(histogram[2]), float(histogram[3]))
        with quiet():
            low, high = self._collector.compute_collection_result()["x"][:2]
        return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Learned:
    """A range that training settled."""

    span: tuple[float, float]


def least_error(counts: np.ndarray, edges: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The range whose 256 values represent a histogram with the least squared error.

    Args:
        counts: values per bin, `[B]`.
        edges: of the bins, `[B + 1]`.
        low, high: the smallest and largest value seen; the range lies inside.
    """
    import numpy as np

    from edgekit.export.onnx_schemes.int8 import uint8_grid

    filled = counts > 0
    values, weights = ((edges[:-1] + edges[1:]) / 2)[filled], counts[filled]
    shares = np.linspace(1, 1 / CUTS, CUTS)
    best, least = (low, high), np.inf
    for start in [low * share for share in shares] if low < 0 else [low]:
        for end in [high * share for share in shares] if high > 0 else [high]:
            scale, zero = uint8_grid(start, end)
            codes = np.clip(np.rint(values / scale) + float(zero), 0, 255)
            error = float((weights * np.square(values - (codes - float(zero)) * scale)).sum())
            if error < least:
                best, least = (float(start), float(end)), error
    return best
