"""Ranges of activations: what each method keeps of a distribution with a tail."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.export.onnx_schemes.int8 import uint8_grid
from edgekit.export.onnx_schemes.ranges import Range, least_error
from edgekit.export.onnx_schemes.settings import Settings


def span_of(values: np.ndarray, **settings) -> tuple[float, float]:
    found = Range(Settings(**settings))
    for part in np.array_split(values.astype(np.float32), 5):
        found.add(part.reshape(-1, 1))
    return found.span


@pytest.fixture
def tailed() -> np.ndarray:
    values = np.random.default_rng(0).normal(size=20_000)
    values[77], values[9_000] = 60.0, -8.0
    return values


def test_minmax_keeps_everything(tailed: np.ndarray) -> None:
    assert span_of(tailed, calibration="minmax") == (-8.0, 60.0)


def test_percentile_leaves_the_share_that_it_is_told(tailed: np.ndarray) -> None:
    low, high = span_of(tailed, calibration="percentile", percentile=99.0)
    # 0.5 % on each side of a normal distribution lies beyond ±2.576, up to a bin of the histogram.
    assert low == pytest.approx(-2.576, abs=0.2) and high == pytest.approx(2.576, abs=0.2)
    assert span_of(tailed, calibration="percentile", percentile=100.0) == pytest.approx((-8.0, 60.0), abs=0.2)


def error(values: np.ndarray, span: tuple[float, float]) -> float:
    scale, zero = (float(part) for part in uint8_grid(*span))
    codes = np.clip(np.rint(values / scale) + zero, 0, 255)
    return float(np.square(values - (codes - zero) * scale).mean())


def test_mse_beats_the_whole_range_where_clipping_pays() -> None:
    random = np.random.default_rng(1)
    values = random.standard_t(3, size=200_000).clip(-80, 80)
    whole, found = span_of(values, calibration="minmax"), span_of(values, calibration="mse")
    assert whole[0] <= found[0] < 0 < found[1] <= whole[1]
    assert error(values, found) < 0.9 * error(values, whole)


def test_mse_by_brute_force() -> None:
    # 300 small values and one large: 255 steps can't serve both.
    counts = np.array([150, 0, 150, 0, 0, 0, 0, 0, 0, 1])
    edges = np.linspace(0.0, 10.0, 11)
    found = least_error(counts, edges, 0.0, 10.0)
    centres, weights = np.array([0.5, 2.5, 9.5]), np.array([150, 150, 1])

    def lost(high: float) -> float:
        scale, zero = (float(part) for part in uint8_grid(0.0, high))
        return float(
            (weights * np.square(centres - (np.clip(np.rint(centres / scale) + zero, 0, 255)) * scale)).sum()
        )

    tried = [10.0 * share for share in np.linspace(1, 1 / 48, 48)]
    assert found == (0.0, pytest.approx(min(tried, key=lost)))


def test_entropy_clips_a_lone_outlier(tailed: np.ndarray) -> None:
    low, high = span_of(tailed, calibration="entropy")
    assert -8.0 <= low < -1.5 and 1.5 < high < 60.0


def test_a_tensor_of_one_sign_and_one_of_zeros() -> None:
    _, high = span_of(np.linspace(2, 3, 1000), calibration="mse")
    assert high == pytest.approx(3, abs=0.01)
    assert span_of(np.zeros(100), calibration="minmax") == (0.0, 0.0)
