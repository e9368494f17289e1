"""Tables of k-means: as good as the exact ones, and every weight at its nearest entry."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.export.coreml_palette import palette


def off(weight: np.ndarray, table: np.ndarray, places: np.ndarray) -> float:
    return float(np.square(table[places].astype(np.float64) - weight.ravel().astype(np.float64)).mean())


@pytest.mark.parametrize("shape", [(64, 96), (192, 576)])
def test_a_table_is_nearly_the_best_one(shape: tuple[int, int]) -> None:
    kmeans1d = pytest.importorskip("coremltools._deps.kmeans1d")
    weight = (0.1 * np.random.default_rng(0).standard_t(6, shape)).astype(np.float16)
    table, places = palette(weight, entries=16)
    assert table.dtype == np.float16 and places.dtype == np.uint8 and (np.diff(table) > 0).all()
    values, counts = np.unique(weight, return_counts=True)
    best = kmeans1d.cluster(values, 16, weights=counts)
    centroids = np.asarray(best.centroids)
    least = off(weight, centroids, np.asarray(best.clusters)[np.searchsorted(values, weight.ravel())])
    assert off(weight, table, places) <= 1.02 * least
    distances = np.abs(weight.ravel()[:, None].astype(np.float64) - table.astype(np.float64))
    np.testing.assert_array_equal(distances.min(1), distances[np.arange(weight.size), places])


def test_few_values_are_kept_exactly() -> None:
    weight = np.array([[0.0, -0.0, 1.5], [2.0, -3.0, 1.5]], np.float16)
    table, places = palette(weight, entries=256)
    assert table.shape == (256,)
    np.testing.assert_array_equal(table[places], weight.ravel())
